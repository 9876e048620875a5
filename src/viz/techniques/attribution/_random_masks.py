"""Smooth random masks: coarse grids of cells kept or hidden, stretched, and shifted by less than a cell."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viz.core.result import FloatArray


@dataclass(frozen=True)
class RandomMasks:
    """`count` masks for images of `size`, each from a grid of cells kept with probability `keep`.

    A mask is 1 where an image is kept and 0 where it is hidden, linear in between. Every pixel, those at the
    border too, is covered by the same law: its expected value is `keep`. Which masks they are depends on the
    seed alone, not on how many are drawn at a time.
    """

    size: tuple[int, int]
    cell: int
    keep: float
    count: int
    seed: int

    def chunks(self, most: int, ends: int) -> Iterator[FloatArray]:
        """All masks in order, (n, h, w) float32, at most `most` at a time; after every `ends` a chunk ends."""
        kept, shifts = self._kept(), self._shifts()
        for first in range(0, self.count, ends):
            last = min(first + ends, self.count)
            for start in range(first, last, most):
                part = slice(start, min(start + most, last))
                yield self._drawn(kept[part], shifts[part])

    def _kept(self) -> NDArray[np.bool_]:
        """The coarse grids (count, rows, columns): the only part of the masks that is held for all."""
        rows, columns = (_points(length, self.cell) for length in self.size)
        chance = np.random.default_rng([self.seed, 0]).random((self.count, rows, columns), np.float32)
        return chance < self.keep

    def _shifts(self) -> NDArray[np.intp]:
        """By how many pixels each grid is shifted, (count, 2): down and across, from 0 to one less than a cell."""
        return np.random.default_rng([self.seed, 1]).integers(0, self.cell, (self.count, 2))

    def _drawn(self, kept: NDArray[np.bool_], shifts: NDArray[np.intp]) -> FloatArray:
        down, across = (_stretching(length, self.cell)[shifts[:, axis]] for axis, length in enumerate(self.size))
        masks: FloatArray = np.matmul(np.matmul(down, kept.astype(np.float32)), across.transpose(0, 2, 1))
        return masks


def _points(length: int, cell: int) -> int:
    """How many grid points `length` pixels need, whatever the shift."""
    return (length - 1 + cell - 1) // cell + 2


def _stretching(length: int, cell: int) -> FloatArray:
    """For each shift, the matrix (length, points) of linear interpolation between grid points `cell` pixels apart."""
    at = (np.arange(cell)[:, None] + np.arange(length)) / cell
    points = np.arange(_points(length, cell))
    weights: FloatArray = np.maximum(0, 1 - np.abs(at[:, :, None] - points)).astype(np.float32)
    return weights
