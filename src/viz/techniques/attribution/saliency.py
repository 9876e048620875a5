"""Saliency: the gradient of the score with respect to every pixel."""

from collections.abc import Sequence
from typing import Annotated

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.gradients import input_gradients
from viz.core.options import Opt
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target
from viz.core.technique import technique
from viz.techniques.attribution._gradient_maps import gradient_map, heat_of


@technique(
    source="Simonyan et al. 2014, section 3, arXiv 1312.6034",
    needs_gradient=True,
)
class Saliency:
    """Show which pixels would change the score most if they changed a little: the gradient.

    Heat is the largest magnitude of the gradient over the colour channels, in units of the score per
    full range of a pixel's value. With `--signed` it is the gradient for brightness: positive where a
    brighter pixel would raise the score.
    """

    signed: Annotated[bool, Opt("Keep the sign: the gradient summed over the colour channels.")] = False

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[HeatMap | ImageError]:
        """Heat maps of images (b, 3, h, w), one target each. Raises `NotSupported` where there is no gradient."""
        found = input_gradients(model, images, targets)
        return [
            gradient_map(g, heat_of(g, self.signed), float(score), straight_through=found.straight_through)
            for g, score in zip(found.pixels, found.values, strict=True)
        ]

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes per image."""
        return 2
