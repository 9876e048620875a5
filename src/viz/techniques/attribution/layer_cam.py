"""Layer-CAM: each position weighed by its own positive gradient; fine maps from early layers too."""

from collections.abc import Sequence
from typing import Annotated

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.options import Opt
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target
from viz.core.technique import technique
from viz.techniques.attribution._cams import gradient_cams, positive


@technique(
    source="Jiang et al. 2021, eq. 4 to 6, doi 10.1109/TIP.2021.3089943",
    needs_gradient=True,
)
class LayerCam:
    """Weigh every position of every channel by its own positive gradient, and sum.

    Unlike Grad-CAM, this keeps its meaning on early layers, whose maps are finer: `--layer`.
    """

    layer: Annotated[str | None, Opt("Layer to read; default: found from the model.", metavar="NAME")] = None

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[HeatMap | ImageError]:
        """Heat maps of images (b, 3, h, w), one target each. Raises `NotSupported` where there is no gradient."""
        return gradient_cams(model, images, targets, self.layer, "layer-cam", _combined)

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes per image."""
        return 2


def _combined(activations: FloatArray, gradients: FloatArray) -> FloatArray:
    return positive((positive(gradients) * activations).sum(axis=1))
