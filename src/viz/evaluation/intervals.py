"""Means over images with the interval that other images might have given."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
RESAMPLES = 2000


@dataclass(frozen=True)
class Figure:
    """A mean over images and its 95 % interval; `images` counts those with a value."""

    mean: float
    low: float
    high: float
    images: int


def figure(values: NDArray[np.floating], seed: int) -> Figure | None:
    """The mean of the finite values, with the bootstrap's percentile interval; None where there are none.

    Images are drawn with replacement, 2000 times; the interval holds the middle 95 % of their means.
    Source: Efron 1979; Efron and Tibshirani 1993, chapter 13.
    """
    finite = np.asarray(values, np.float64)[np.isfinite(values)]
    if not finite.size:
        return None
    random = np.random.default_rng(seed)
    means = np.array([finite[random.integers(0, finite.size, finite.size)].mean() for _ in range(RESAMPLES)])
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Figure(float(finite.mean()), float(low), float(high), int(finite.size))
