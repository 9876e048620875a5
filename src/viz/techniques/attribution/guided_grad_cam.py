"""Guided Grad-CAM: guided backpropagation's detail, only where Grad-CAM sees the class."""

from collections.abc import Sequence
from typing import Annotated

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.options import Opt
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target
from viz.core.technique import technique
from viz.techniques.attribution._gradient_maps import gradient_map, strongest_channel
from viz.techniques.attribution.grad_cam import GradCam
from viz.techniques.attribution.guided_backprop import GuidedBackprop


@technique(
    source="Selvaraju et al. 2017, section 3.2, arXiv 1610.02391",
    needs_gradient=True,
)
class GuidedGradCam:
    """Multiply guided backpropagation by Grad-CAM: sharp detail, limited to where the class is seen."""

    layer: Annotated[str | None, Opt("Layer for Grad-CAM; default: found from the model.", metavar="NAME")] = None

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[HeatMap | ImageError]:
        """Heat maps of images (b, 3, h, w). Raises `NotSupported` where there is no rectifier to guide."""
        guided = GuidedBackprop()(model, images, targets)
        where = GradCam(layer=self.layer)(model, images, targets)
        return [_product(g, w) for g, w in zip(guided, where, strict=True)]

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes per image."""
        return 4


def _product(guided: HeatMap | ImageError, where: HeatMap | ImageError) -> HeatMap | ImageError:
    if isinstance(guided, ImageError):
        return guided
    if isinstance(where, ImageError):
        return where
    product = guided.arrays["gradient"] * where.heat
    score, changed = float(guided.numbers["score"]), guided.numbers["changed_operations"]
    found = gradient_map(
        product, strongest_channel(product), score, layer=where.numbers["layer"], changed_operations=changed
    )
    if isinstance(found, ImageError):
        return found
    warnings = tuple(dict.fromkeys([*guided.warnings, *where.warnings, *found.warnings]))
    return HeatMap(found.arrays, found.numbers, warnings, found.grain)
