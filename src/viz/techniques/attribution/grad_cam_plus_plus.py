"""Grad-CAM++: channels weighed position by position, so that every instance of an object counts."""

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
    source="Chattopadhay et al. 2018, eq. 10, 11 and 19, arXiv 1710.11063",
    name="grad-cam++",
    needs_gradient=True,
)
class GradCamPlusPlus:
    """Weigh each channel by its positive gradients, position by position: better with several objects.

    The weights of the positions follow the paper for a score that enters through an exponential, where
    second and third derivatives are powers of the first.
    """

    layer: Annotated[str | None, Opt("Layer to read; default: found from the model.", metavar="NAME")] = None

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[HeatMap | ImageError]:
        """Heat maps of images (b, 3, h, w), one target each. Raises `NotSupported` where there is no gradient."""
        return gradient_cams(model, images, targets, self.layer, "grad-cam++", _combined)

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes per image."""
        return 2


def _combined(activations: FloatArray, gradients: FloatArray) -> FloatArray:
    squared, cubed = gradients**2, gradients**3
    divisor = 2 * squared + activations.sum(axis=(2, 3), keepdims=True) * cubed
    alphas = np.divide(squared, divisor, out=np.zeros_like(squared), where=divisor != 0)  # eq. 19
    weights = (alphas * positive(gradients)).sum(axis=(2, 3))  # eq. 11
    return positive(np.einsum("bc,bcyx->byx", weights, activations))
