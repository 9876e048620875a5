"""Grad-CAM: a layer's channels, weighed by how much the score follows each."""

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
    source="Selvaraju et al. 2017, eq. 1 and 2, arXiv 1610.02391",
    needs_gradient=True,
)
class GradCam:
    """Show where the channels are active that raise the score: Grad-CAM on the last spatial layer.

    Each channel counts by the mean of the score's gradient over its positions. Negative sums are cut off,
    as in the paper, unless `--signed` keeps them: evidence against the target.
    """

    layer: Annotated[str | None, Opt("Layer to read; default: found from the model.", metavar="NAME")] = None
    signed: Annotated[bool, Opt("Keep negative sums: evidence against the target.")] = False

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[HeatMap | ImageError]:
        """Heat maps of images (b, 3, h, w), one target each. Raises `NotSupported` where there is no gradient."""
        return gradient_cams(model, images, targets, self.layer, "grad-cam", self._combined)

    def _combined(self, activations: FloatArray, gradients: FloatArray) -> FloatArray:
        weights = gradients.mean(axis=(2, 3))  # eq. 1
        summed: FloatArray = np.einsum("bc,bcyx->byx", weights, activations)  # eq. 2
        return summed if self.signed else positive(summed)

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes per image."""
        return 2
