"""ROAD: removed pixels are filled in from their neighbours, so that the removal itself tells nothing."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from viz.core.adapter import Adapter
from viz.core.metric import Explained, Measured, metric
from viz.core.options import Opt
from viz.core.result import FloatArray
from viz.core.target import Target
from viz.techniques.metrics._imputation import imputed
from viz.techniques.metrics.deletion_insertion import probability_of

PERCENTAGES = (10, 20, 30, 40, 50, 70, 90)  # as in the paper


@metric(source="Rong et al. 2022, sections 4.2 and 5, arXiv 2202.00449", higher_is_better=True)
class Road:
    """The probability left when the coldest pixels are removed, less that when the hottest are.

    Removed pixels are filled with noisy linear imputation at 10 to 90 % of the pixels, and the
    difference is averaged over these. Above 0 the map ranks pixels better than chance does.
    """

    seed: Annotated[int, Opt("Seed of the noise, and of the order of equally hot pixels.", min=0)] = 0

    def __call__(self, explained: Explained) -> Measured:
        """Differences, one per image, and the means of both curves (`hottest removed`, `coldest removed`)."""
        rows = zip(explained.images, explained.heats, explained.targets, strict=True)
        means = np.array([self._means(explained.model, *row) for row in rows], np.float32).reshape(-1, 2)
        details = {"hottest removed": means[:, 0], "coldest removed": means[:, 1]}
        return Measured(means[:, 1] - means[:, 0], details)

    def passes(self, per_map: int) -> int:
        """Forward passes per image, beside those of the map."""
        return 2 * len(PERCENTAGES)

    def _means(self, model: Adapter, image: FloatArray, heat: FloatArray, target: Target) -> tuple[float, float]:
        """The mean probability with the hottest pixels removed, and with the coldest."""
        random = np.random.default_rng(self.seed)
        rank = _ranks(heat, random)
        counts = [round(heat.size * percentage / 100) for percentage in PERCENTAGES]
        removed = [rank < count for count in counts] + [rank >= heat.size - count for count in counts]
        read = probability_of(model, target)
        variants = np.stack([imputed(image, mask, random) for mask in removed])
        scores = read.of(model.run(variants, read.layers))
        return float(scores[: len(counts)].mean()), float(scores[len(counts) :].mean())


def _ranks(heat: FloatArray, random: np.random.Generator) -> NDArray[np.intp]:
    """Each pixel's place from the hottest on, (h, w); pixels that are equally hot stand in a random order."""
    order = np.lexsort((random.random(heat.size), -heat.reshape(-1)))
    rank = np.empty(heat.size, np.intp)
    rank[order] = np.arange(heat.size)
    return rank.reshape(heat.shape)
