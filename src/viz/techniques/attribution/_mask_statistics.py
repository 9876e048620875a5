"""How a score goes with masks, pixel by pixel, from sums that grow with every mask: memory stays flat."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viz.core.result import FloatArray

Sums = NDArray[np.float64]


@dataclass(frozen=True)
class MaskMaps:
    """What the masks have shown of one image; maps (h, w).

    Attributes:
        heat: the mean score where a pixel is kept, minus the mean score over all masks.
        expected_score: the mean score where a pixel is kept (Petsiuk et al. 2018, eq. 6).
        standard_error: of `heat`.
        mean_score: over all masks.
    """

    heat: FloatArray
    expected_score: FloatArray
    standard_error: FloatArray
    mean_score: float


class MaskStatistics:
    """Sums over masks M and scores f of one image; `keep` is every pixel's expected mask value.

    `around` is a score near all others: sums of differences from it do not lose digits.
    """

    def __init__(self, size: tuple[int, int], keep: float, around: float):
        self._size, self._keep, self._around = size, keep, around
        self._count, self._lowest, self._highest = 0, np.inf, -np.inf
        self._scores: Sums = np.zeros(3)  # of f^0, f^1, f^2, and below of the same times M - keep and its square
        self._first, self._second = np.zeros((3, size[0] * size[1])), np.zeros((3, size[0] * size[1]))

    def add(self, masks: FloatArray, scores: FloatArray) -> None:
        """Take in masks (n, h, w) and the scores (n,) under them."""
        differences = scores.astype(np.float64) - self._around
        powers = np.stack([np.ones_like(differences), differences, differences**2])
        off = masks.reshape(len(masks), -1) - np.float32(self._keep)
        self._count += len(masks)
        self._lowest, self._highest = min(self._lowest, differences.min()), max(self._highest, differences.max())
        self._scores += powers.sum(axis=1)
        weights = powers.astype(np.float32)  # exact enough for one chunk; the sums of all chunks are in float64
        self._first += weights @ off
        self._second += weights @ off**2

    @property
    def count(self) -> int:
        """How many masks were taken in."""
        return self._count

    @property
    def flat(self) -> bool:
        """Whether the score was the same under every mask."""
        return bool(self._lowest >= self._highest)

    def maps(self) -> MaskMaps:
        """The maps so far.

        The heat is the covariance of score and mask over `keep`; its standard error follows from the variance
        of (f - mean f)(M - keep), pixel by pixel.
        """
        n, mean = self._count, self._scores[1] / self._count
        covariance = (self._first[1] - mean * self._first[0]) / n
        products = (self._second[2] - 2 * mean * self._second[1] + mean**2 * self._second[0]) / n
        error = np.sqrt(np.maximum(products - covariance**2, 0) / n)
        mean_score = self._around + mean
        expected = covariance + mean_score * (self._first[0] / n + self._keep)
        heat, expected, error = (self._shown(values / self._keep) for values in (covariance, expected, error))
        return MaskMaps(heat, expected, error, float(mean_score))

    def _shown(self, values: Sums) -> FloatArray:
        return values.reshape(self._size).astype(np.float32)
