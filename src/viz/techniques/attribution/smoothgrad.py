"""SmoothGrad: the gradient averaged over noisy copies of the image."""

from collections.abc import Sequence
from typing import Annotated

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.gradients import traced_values
from viz.core.options import Opt
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target
from viz.core.technique import technique
from viz.techniques.attribution._gradient_maps import gradient_map, heat_of
from viz.techniques.attribution._noisy_gradients import noisy_gradients


@technique(
    source="Smilkov et al. 2017, eq. 1, arXiv 1706.03825",
    needs_gradient=True,
    images_per_call=2,
    smoke={"samples": 4},
)
class Smoothgrad:
    """Average the gradient over copies of the image with noise: what stays is not an accident of one pixel.

    The noise has a standard deviation of `--noise` times the range of the image's own pixel values.
    """

    samples: Annotated[int, Opt("Noisy copies.", min=1)] = 25
    noise: Annotated[float, Opt("Standard deviation, as a part of the image's range of values.", min=0, max=1)] = 0.15
    signed: Annotated[bool, Opt("Keep the sign: the mean gradient summed over the colour channels.")] = False
    seed: Annotated[int, Opt("Seed of the noise.", min=0)] = 0

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[HeatMap | ImageError]:
        """Heat maps of images (b, 3, h, w), one target each. Raises `NotSupported` where there is no gradient."""
        maps, scores = [], traced_values(model, images, targets)
        for image, target, score in zip(images, targets, scores.tolist(), strict=True):
            found = noisy_gradients(model, image, target, self.samples, self.noise, self.seed)
            mean = found.mean
            maps.append(gradient_map(mean, heat_of(mean, self.signed), score, straight_through=found.straight_through))
        return maps

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes per image."""
        return 2 * self.samples + 1
