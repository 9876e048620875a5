"""A grid of positions in levels, coarse to fine, and a whole map from whichever of them are known."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Lines = NDArray[np.intp]
Table = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Levels:
    """Rows and columns of positions, `shape`, of which level k has every 2^k-th and the last ones.

    Level 0 is the whole grid; `coarsest` is the level that is always known.
    """

    shape: tuple[int, int]
    coarsest: int

    def lines(self, level: int) -> tuple[Lines, Lines]:
        """The rows and the columns of a level."""
        rows, columns = self._lines[level]
        return rows, columns

    def of_level(self, level: int) -> Mask:
        """Which positions a level has, `shape`."""
        found = np.zeros(self.shape, np.bool_)
        found[np.ix_(*self.lines(level))] = True
        return found

    def whole(self, values: Table, known: Mask) -> Table:
        """All positions: those `known` as they are, the others bilinear between what is next to them on coarser levels.

        From the coarsest level on, each level's new positions are interpolated from the level before, and those that
        are known put in their place.
        """
        table: Table = values[np.ix_(*self.lines(self.coarsest))]
        for level in range(self.coarsest, 0, -1):
            rows, columns = self._between[level]
            finer = np.ix_(*self.lines(level - 1))
            table = np.where(known[finer], values[finer], rows @ table @ columns.T)
        return table

    @cached_property
    def _lines(self) -> list[tuple[Lines, Lines]]:
        return [(_lines(self.shape[0], k), _lines(self.shape[1], k)) for k in range(self.coarsest + 1)]

    @cached_property
    def _between(self) -> dict[int, tuple[Table, Table]]:
        levels = range(1, self.coarsest + 1)
        return {k: (_weights(*self._axis(0, k)), _weights(*self._axis(1, k))) for k in levels}

    def _axis(self, axis: int, level: int) -> tuple[Lines, Lines]:
        return self.lines(level - 1)[axis], self.lines(level)[axis]


def levels_of(shape: tuple[int, int], at_most: int, enough: int, reach: int) -> Levels:
    """Levels whose coarsest has `at_most` so many positions, or the corners only.

    It comes down to `enough` as long as its lines are no farther apart than `reach`.
    """
    level = 0
    while _count(shape, level) > at_most and 2**level < max(shape):
        level += 1
    while _count(shape, level) > enough and 2 ** (level + 1) <= reach:
        level += 1
    return Levels(shape, level)


def _count(shape: tuple[int, int], level: int) -> int:
    return len(_lines(shape[0], level)) * len(_lines(shape[1], level))


def _lines(count: int, level: int) -> Lines:
    return np.unique(np.append(np.arange(0, count, 2**level), count - 1))


def _weights(finer: Lines, coarser: Lines) -> Table:
    """(finer, coarser): how a line lies between its two neighbours; one for one that is among them."""
    weights = np.zeros((len(finer), len(coarser)))
    after = np.searchsorted(coarser, finer)
    before = np.maximum(after - 1, 0)
    gap = np.maximum(coarser[after] - coarser[before], 1)
    part = (coarser[after] - finer) / gap
    lines = np.arange(len(finer))
    weights[lines, after] += 1 - part
    weights[lines, before] += part
    return weights
