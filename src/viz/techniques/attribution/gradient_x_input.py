"""Gradient times input: a first-order account of what each pixel adds to the score."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.gradients import input_gradients
from viz.core.options import Opt
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target
from viz.core.technique import technique
from viz.techniques.attribution._baselines import BASELINES, baseline_images
from viz.techniques.attribution._gradient_maps import brightness, gradient_map


@technique(
    source="Shrikumar et al. 2016, section 3, arXiv 1605.01713",
    name="gradient-x-input",
    needs_gradient=True,
)
class GradientXInput:
    """Multiply each pixel's gradient by how far the pixel is from a baseline, summed over the colours.

    For a linear model this is exactly what each pixel adds to the score. The baseline decides what "no
    pixel" means: by default the colour that the model's own normalization maps to zero, so that the
    product is the same as gradient times the model's input.
    """

    baseline: Annotated[str, Opt("The absent pixel: mean (of the training set), or another.", choices=BASELINES)] = (
        "mean"
    )
    seed: Annotated[int, Opt("Seed of the noise baseline.", min=0)] = 0

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[HeatMap | ImageError]:
        """Heat maps of images (b, 3, h, w), one target each. Raises `NotSupported` where there is no gradient."""
        found = input_gradients(model, images, targets)
        products = found.pixels * (images - baseline_images(self.baseline, model, images, self.seed))
        return [
            gradient_map(p.astype(np.float32), brightness(p), float(s), straight_through=found.straight_through)
            for p, s in zip(products, found.values, strict=True)
        ]

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes per image."""
        return 2
