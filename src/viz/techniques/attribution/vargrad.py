"""VarGrad: how much the gradient varies over noisy copies of the image."""

from collections.abc import Sequence
from typing import Annotated

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.gradients import traced_values
from viz.core.options import Opt
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target
from viz.core.technique import technique
from viz.techniques.attribution._gradient_maps import gradient_map, strongest_channel
from viz.techniques.attribution._noisy_gradients import noisy_gradients


@technique(
    source="Adebayo et al. 2018, section 2.1 (VarGrad), arXiv 1810.03292",
    needs_gradient=True,
    images_per_call=2,
    smoke={"samples": 4},
)
class Vargrad:
    """Show where the gradient changes most when noise is added: the variance over noisy copies.

    It marks pixels near which the score depends on detail, whatever the sign, and is never negative.
    """

    samples: Annotated[int, Opt("Noisy copies.", min=2)] = 25
    noise: Annotated[float, Opt("Standard deviation, as a part of the image's range of values.", min=0, max=1)] = 0.15
    seed: Annotated[int, Opt("Seed of the noise.", min=0)] = 0

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[HeatMap | ImageError]:
        """Heat maps of images (b, 3, h, w), one target each. Raises `NotSupported` where there is no gradient."""
        maps, scores = [], traced_values(model, images, targets)
        for image, target, score in zip(images, targets, scores.tolist(), strict=True):
            found = noisy_gradients(model, image, target, self.samples, self.noise, self.seed)
            spread = found.variance
            maps.append(gradient_map(spread, strongest_channel(spread), score, straight_through=found.straight_through))
        return maps

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes per image."""
        return 2 * self.samples + 1
