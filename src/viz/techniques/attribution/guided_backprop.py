"""Guided backpropagation: a gradient that only ever passes what speaks for the target."""

from collections.abc import Sequence
from typing import Annotated

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.gradients import input_gradients
from viz.core.options import Opt
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target
from viz.core.technique import technique
from viz.techniques.attribution._gradient_maps import gradient_map, heat_of, say_what_changed


@technique(
    source="Springenberg et al. 2015, section 3.4, arXiv 1412.6806",
    needs_gradient=True,
)
class GuidedBackprop:
    """Show the fine structure that excites the target: gradients pass rectifiers only where they are positive.

    At every rectifier, a gradient goes on only where the rectifier's input was positive and the gradient
    itself is. The picture shows edges and textures sharply, but depends little on the class: the sanity
    checks of Adebayo et al. 2018 (`viz evaluate`) say how little.
    """

    signed: Annotated[bool, Opt("Keep the sign: the result summed over the colour channels.")] = False

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[HeatMap | ImageError]:
        """Heat maps of images (b, 3, h, w). Raises `NotSupported` where there is no rectifier to guide."""
        found = input_gradients(model, images, targets, "guided")
        changed = say_what_changed(model, "guided", found)
        return [
            gradient_map(
                g,
                heat_of(g, self.signed),
                float(score),
                straight_through=found.straight_through,
                changed_operations=changed,
            )
            for g, score in zip(found.pixels, found.values, strict=True)
        ]

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes per image."""
        return 2
