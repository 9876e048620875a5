"""Deconvnet: run the network backwards from the target, rectifying the signal on its way down."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.gradients import input_gradients
from viz.core.options import Opt
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target
from viz.core.technique import technique
from viz.techniques.attribution._gradient_maps import gradient_map, heat_of, say_what_changed

NOT_OF_THE_IMAGE = (
    "the result does not depend on the image, only on the target: without max pooling, deconvnet goes back through "
    "the weights alone"
)


@technique(
    source="Zeiler & Fergus 2013, section 2.1, arXiv 1311.2901",
    needs_gradient=True,
)
class Deconvnet:
    """Project the target back to the pixels with every rectifier turned round: positive signals pass, others stop.

    As guided backpropagation, but a signal is stopped only by its own sign, not by what the forward pass
    rectified. Max pooling goes back to where the maximum was. In a network without max pooling nothing of the
    image is left in the result but the choice of the target; the result says so then.
    """

    signed: Annotated[bool, Opt("Keep the sign: the result summed over the colour channels.")] = False

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[HeatMap | ImageError]:
        """Heat maps of images (b, 3, h, w). Raises `NotSupported` where there is no rectifier to guide."""
        found = input_gradients(model, images, targets, "deconvnet")
        changed = say_what_changed(model, "deconvnet", found)
        maps = [
            gradient_map(
                g,
                heat_of(g, self.signed),
                float(score),
                straight_through=found.straight_through,
                changed_operations=changed,
            )
            for g, score in zip(found.pixels, found.values, strict=True)
        ]
        return maps if _follows_images(model, images[0], targets[0], found.pixels[0]) else [_warned(m) for m in maps]

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes per image."""
        return 2


def _follows_images(model: Adapter, image: FloatArray, target: Target, signal: FloatArray) -> bool:
    """Whether another image gives another signal; where not, for no image: it is a matter of the network's layers."""
    other = input_gradients(model, 1 - image[::-1, ::-1][None], [target], "deconvnet").pixels[0]
    return not np.allclose(other, signal, rtol=1e-4, atol=1e-6 * float(np.abs(signal).max()))


def _warned(found: HeatMap | ImageError) -> HeatMap | ImageError:
    return found if isinstance(found, ImageError) else replace(found, warnings=(*found.warnings, NOT_OF_THE_IMAGE))
