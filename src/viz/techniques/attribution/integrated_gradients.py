"""Integrated gradients: attributions that sum to the change in score."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.gradients import input_gradients, traced_values
from viz.core.options import Opt
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target
from viz.core.technique import technique
from viz.techniques.attribution._baselines import BASELINES, baseline_images
from viz.techniques.attribution._gradient_maps import brightness, gradient_map

_LARGE_GAP = 0.05  # of the change in score; beyond it the sums do not mean what they say


@technique(
    source="Sundararajan et al. 2017, eq. 1 and section 5, arXiv 1703.01365",
    needs_gradient=True,
    images_per_call=2,
    smoke={"steps": 4},
)
class IntegratedGradients:
    """Average the gradient on the straight path from a baseline to the image, times the difference.

    The attributions of all pixels sum to the score of the image less that of the baseline. How far they
    miss it is the completeness gap, which is stored and, where it is large, warned of: take more steps.
    """

    steps: Annotated[int, Opt("Points on the path.", min=1)] = 32
    baseline: Annotated[str, Opt("Where the path starts; mean: of the training set.", choices=BASELINES)] = "black"
    baselines: Annotated[int, Opt("Average over so many noise baselines.", min=1)] = 1
    seed: Annotated[int, Opt("Seed of the noise baseline.", min=0)] = 0

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[HeatMap | ImageError]:
        """Heat maps of images (b, 3, h, w), one target each. Raises `NotSupported` where there is no gradient."""
        count = self.baselines if self.baseline == "noise" else 1
        starts = [baseline_images(self.baseline, model, images, self.seed + i) for i in range(count)]
        return [self._map(model, image, [s[i] for s in starts], targets[i]) for i, image in enumerate(images)]

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes per image."""
        return (2 * self.steps + 2) * (self.baselines if self.baseline == "noise" else 1)

    def _map(
        self, model: Adapter, image: FloatArray, baselines: Sequence[FloatArray], target: Target
    ) -> HeatMap | ImageError:
        ends = traced_values(model, np.stack([image, *baselines]), [target] * (1 + len(baselines)))
        products: list[FloatArray] = []
        passed: tuple[str, ...] = ()
        for baseline in baselines:
            mean, passed = self._mean_gradient(model, image, baseline, target)
            products.append(mean * (image - baseline))
        attribution: FloatArray = np.stack(products).mean(axis=0, dtype=np.float64).astype(np.float32)
        change = float(ends[0]) - float(ends[1:].mean())
        gap = abs(float(attribution.sum(dtype=np.float64)) - change)
        part = gap / abs(change) if change else float(gap > 0)
        found = gradient_map(
            attribution,
            brightness(attribution),
            float(ends[0]),
            straight_through=passed,
            change=change,
            completeness_gap=part,
        )
        return found if isinstance(found, ImageError) or part <= _LARGE_GAP else _doubted(found, part, self.steps)

    def _mean_gradient(
        self, model: Adapter, image: FloatArray, baseline: FloatArray, target: Target
    ) -> tuple[FloatArray, tuple[str, ...]]:
        """The mean gradient on the path, (3, h, w)."""
        t = (np.arange(self.steps, dtype=np.float32) + 0.5) / self.steps  # midpoints: no end-point bias
        path = baseline + t[:, None, None, None] * (image - baseline)
        found = input_gradients(model, path, [target] * self.steps)
        mean: FloatArray = found.pixels.mean(axis=0, dtype=np.float64).astype(np.float32)
        return mean, found.straight_through


def _doubted(found: HeatMap, part: float, steps: int) -> HeatMap:
    text = f"the attributions miss the change in score by {part:.0%} of it: take more than {steps} --steps"
    return HeatMap(found.arrays, found.numbers, (*found.warnings, text), found.grain)
