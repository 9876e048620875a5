"""XGrad-CAM: Grad-CAM with weights that make the map sum to what the layer adds to the score."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.options import Opt
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target
from viz.core.technique import technique
from viz.techniques.attribution._cams import gradient_cams, positive


@technique(
    source="Fu et al. 2020, eq. 9, arXiv 2008.02312",
    needs_gradient=True,
)
class XgradCam:
    """Weigh each channel by its activation-weighted mean gradient, so that the map adds up to the score.

    For networks of ReLUs this comes nearest to two axioms: sensitivity and conservation.
    """

    layer: Annotated[str | None, Opt("Layer to read; default: found from the model.", metavar="NAME")] = None

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[HeatMap | ImageError]:
        """Heat maps of images (b, 3, h, w), one target each. Raises `NotSupported` where there is no gradient."""
        return gradient_cams(model, images, targets, self.layer, "xgrad-cam", _combined)

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes per image."""
        return 2


def _combined(activations: FloatArray, gradients: FloatArray) -> FloatArray:
    totals = activations.sum(axis=(2, 3))
    weighted = (activations * gradients).sum(axis=(2, 3))
    weights = np.divide(weighted, totals, out=np.zeros_like(totals), where=np.abs(totals) > 1e-7)
    return positive(np.einsum("bc,bcyx->byx", weights, activations))
