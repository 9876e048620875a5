"""Sensitivity-n: do the map's values add up to what the score loses without the pixels?"""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from viz.core.adapter import Adapter
from viz.core.batching import worth_at_once
from viz.core.metric import Explained, Measured, metric, once
from viz.core.options import Opt
from viz.core.result import FloatArray
from viz.core.target import Target
from viz.techniques.attribution._baselines import baseline_images


@metric(source="Ancona et al. 2018, section 4, arXiv 1711.06104", higher_is_better=True)
class SensitivityN:
    """The correlation between the heat of n random pixels and how far the score falls without them.

    Removed pixels take the colour that the model's normalization maps to zero. The correlation is over random
    sets of n pixels, then averaged over several n; the scale of the map does not matter. A map that is
    the same everywhere says nothing: 0.
    """

    fractions: Annotated[tuple[float, ...], Opt("The n, as parts of all pixels.", min=0.0001, max=0.9999)] = (
        0.01,
        0.1,
        0.5,
    )
    subsets: Annotated[int, Opt("Random sets of pixels for each n.", min=3)] = 100
    seed: Annotated[int, Opt("Seed of the sets, which are the same for every image.", min=0)] = 0

    def __call__(self, explained: Explained) -> Measured:
        """Mean correlations, one per image, and those for each n; NaN where the score never changes."""
        drops = once(explained.of_images, self, lambda: self._drops(explained))
        sums = [self._sums(heat) for heat in explained.heats]
        found = np.array([_correlations(s, d) for s, d in zip(sums, drops, strict=True)], np.float32)
        found = found.reshape(-1, len(self.fractions))
        details = {f"n = {part:.4g}": found[:, i] for i, part in enumerate(self.fractions)}
        return Measured(found.mean(axis=1), details)

    def passes(self, per_map: int) -> int:
        """Forward passes per image, once for all techniques."""
        return len(self.fractions) * self.subsets + 1

    def _sets(self, pixels: int) -> list[NDArray[np.intp]]:
        """For every n, the sets (subsets, n) of pixels."""
        random = np.random.default_rng(self.seed)
        counts = [max(1, round(pixels * part)) for part in self.fractions]
        return [
            np.stack([random.choice(pixels, count, replace=False) for _ in range(self.subsets)]) for count in counts
        ]

    def _sums(self, heat: FloatArray) -> list[NDArray[np.float64]]:
        values = heat.reshape(-1).astype(np.float64)
        return [values[sets].sum(axis=1) for sets in self._sets(heat.size)]

    def _drops(self, explained: Explained) -> list[list[FloatArray]]:
        """For every image and n, how far the score falls without each set."""
        baselines = baseline_images("mean", explained.model, explained.images, self.seed)
        rows = zip(explained.images, baselines, explained.targets, strict=True)
        sets = self._sets(explained.images[0, 0].size)
        return [[_drops_of(explained.model, *row, one) for one in sets] for row in rows]


def _drops_of(
    model: Adapter, image: FloatArray, baseline: FloatArray, target: Target, sets: NDArray[np.intp]
) -> FloatArray:
    whole = target.of(model.run(image[None], target.layers))
    scores = []
    for start in range(0, len(sets), worth_at_once(model)):
        chosen = sets[start : start + worth_at_once(model)]
        variants = np.repeat(image[None], len(chosen), axis=0).reshape(len(chosen), 3, -1)
        for variant, pixels in zip(variants, chosen, strict=True):
            variant[:, pixels] = baseline.reshape(3, -1)[:, pixels]
        scores.append(target.of(model.run(variants.reshape(-1, *image.shape), target.layers)))
    return whole - np.concatenate(scores)


def _correlations(sums: list[NDArray[np.float64]], drops: list[FloatArray]) -> list[float]:
    return [_pearson(s, d.astype(np.float64)) for s, d in zip(sums, drops, strict=True)]


def _pearson(sums: NDArray[np.float64], drops: NDArray[np.float64]) -> float:
    if np.ptp(drops) == 0:
        return float("nan")
    spread = np.ptp(sums)
    # Sums of equal numbers in another order differ by rounding, which would correlate with anything.
    if spread <= 1e-9 * np.abs(sums).max():
        return 0.0
    return float(np.corrcoef(sums, drops)[0, 1])
