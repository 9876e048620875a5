"""Which positions of a patch to compute next: cells of the grid where the map is steep or hot, coarse ones first."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from viz.core.result import FloatArray
from viz.techniques.attribution._position_levels import Mask, Table, levels_of
from viz.techniques.attribution._rank_estimate import estimated_rank_correlation, weighted_ranks

Numbers = NDArray[np.intp]
Cell = tuple[int, int, int]  # level, row and column among the cells of that level

# Measured with benchmarks/adaptive_occlusion.py.
_FIRST = 1 / 2  # of the positions allowed are computed first, at most
_COARSE = 1 / 10  # of all positions are enough to begin with, where nothing is left unseen between them
_ROUNDS = 8
_HELD_OUT, _ENOUGH = 32, 8  # positions drawn for the estimate, and how many it takes
_HOT = 0.3  # of a round goes to the hottest cells, the rest to steep ones
_PER_LEVEL = 3.0  # a cell twice as long counts three times: it stands for more positions, and is farther off
_FLAT = 1e-3  # differences below this part of the map's range are none


class AdaptivePositions:
    """One image's positions: those computed, those to compute next, and the whole map that follows so far.

    A cell lies between neighbouring lines of a level, and is refined by computing its positions of the next finer
    level. How steep a cell is counts in ranks of the map, not in its values: that is what rank correlation is about,
    and a flat background with some detail is not forgotten over a steep object.

    Some positions, drawn by `seed`, are computed at the start and held out: the map does not know them until it is
    done, so that they tell how far it can be trusted. Positions are numbered row by row.

    Args:
        shape: rows and columns of positions.
        share: of all positions, how much may be computed, above 0 to 1.
        seed: of the positions held out.
        reach: how many positions on a patch is long: with lines no farther apart, every pixel is hidden once.
    """

    def __init__(self, shape: tuple[int, int], share: float, seed: int, reach: int):
        count = shape[0] * shape[1]
        self._budget = min(count, max(4, int(share * count)))
        self.levels = levels_of(shape, max(4, int(_FIRST * share * count)), int(_COARSE * count), reach)
        self.values = np.zeros(shape, np.float64)
        self.known: Mask = np.zeros(shape, np.bool_)
        self.held_out: Mask = np.zeros(shape, np.bool_)
        self._first = self.levels.of_level(self.levels.coarsest)
        others = np.flatnonzero(~self._first)
        held = min(_HELD_OUT, self._budget // 8, max(0, self._budget - int(self._first.sum())))
        drawn = np.random.default_rng(seed).permutation(others)[:held]
        self.held_out.reshape(-1)[drawn] = True
        self._per_round = max(1, -(-(self._budget - int((self._first | self.held_out).sum())) // _ROUNDS))
        self._waiting: set[Cell] = set(self._cells_of(self.levels.coarsest)) if self.levels.coarsest else set()

    @property
    def computed(self) -> Mask:
        """Positions with a value of their own, `shape`."""
        return self.known | self.held_out

    @property
    def at_most(self) -> int:
        """How many positions will be computed at most: a share of them, and the four corners in any case."""
        return self._budget

    def first(self) -> Numbers:
        """The positions to begin with: the coarsest level, and those held out."""
        return np.flatnonzero(self._first | self.held_out)

    def following(self) -> Numbers:
        """The positions of the next round; none where all that is allowed has been computed."""
        while chosen := self._choose():
            wanted = self._positions_of(chosen)
            new = wanted & ~self.computed
            self.known |= wanted & self.held_out  # computed already, and needed now
            self._waiting.difference_update(chosen)
            self._waiting.update(inner for cell in chosen for inner in self._inner(cell))
            if new.any():
                return np.flatnonzero(new)
        return np.zeros(0, np.intp)

    def enter(self, numbers: Numbers, values: FloatArray) -> None:
        """What was computed at these positions (n,): how far the score drops."""
        self.values.reshape(-1)[numbers] = values
        self.known.reshape(-1)[numbers] = ~self.held_out.reshape(-1)[numbers]

    def table(self) -> FloatArray:
        """The whole map, `shape`: computed positions as they are, those held out as well, the others interpolated."""
        return self.levels.whole(self.values, self.computed).astype(np.float32)

    def rank_correlation(self) -> float | None:
        """About how the map's positions correlate in rank with those of the full grid's; None where it is not known.

        The map is the one that does not know the positions held out. See `estimated_rank_correlation`.
        """
        held = self.held_out & ~self.known
        if self.computed.all():
            return 1.0
        if held.sum() < _ENOUGH:
            return None
        interpolated = self.levels.whole(self.values, self.known)
        return estimated_rank_correlation(self.values[self.known], interpolated[held], self.values[held], held.size)

    def _choose(self) -> list[Cell]:
        """Cells for one round: the hottest ones for a part of it, then the steepest."""
        allowed = self._budget - int(self.computed.sum())
        steep, hot = self._priorities()
        chosen: list[Cell] = []
        wanted = self.computed.copy()
        spent = 0
        for priority, part in ((hot, _HOT), (steep, 1.0)):
            for cell in sorted(self._waiting.difference(chosen), key=lambda cell: (-priority[cell], cell)):
                if spent >= part * min(self._per_round, allowed):
                    break
                span = self._span(cell)
                cost = int((~wanted[span]).sum())
                if spent + cost <= allowed:
                    chosen.append(cell)
                    wanted[span] = True
                    spent += cost
        return chosen

    def _priorities(self) -> tuple[dict[Cell, float], dict[Cell, float]]:
        """How steep and how hot each waiting cell is."""
        table = self.levels.whole(self.values, self.known)
        ranked = _coarse_ranks(table)
        steep, hot = {}, {}
        for level in {cell[0] for cell in self._waiting}:
            corners = np.ix_(*self.levels.lines(level))
            spread = np.ptp(_corners(ranked[corners]), axis=0) * _PER_LEVEL**level
            mean = _corners(table[corners]).mean(axis=0)
            for cell in (cell for cell in self._waiting if cell[0] == level):
                steep[cell], hot[cell] = float(spread[cell[1:]]), float(mean[cell[1:]])
        return steep, hot

    def _positions_of(self, cells: Iterable[Cell]) -> Mask:
        wanted = np.zeros(self.levels.shape, np.bool_)
        for cell in cells:
            wanted[self._span(cell)] = True
        return wanted

    def _span(self, cell: Cell) -> tuple[Numbers, ...]:
        """The positions of the next finer level in a cell, its edges included, as an index."""
        level, row, column = cell
        rows, columns = self.levels.lines(level - 1)
        return np.ix_(rows[2 * row : 2 * row + 3], columns[2 * column : 2 * column + 3])

    def _inner(self, cell: Cell) -> Iterator[Cell]:
        """The cells of the next finer level in a cell; none where all its positions are lines already."""
        level, row, column = cell
        if level > 1:
            rows, columns = (cells_along(lines) for lines in self.levels.lines(level - 1))
            for y in range(2 * row, min(2 * row + 2, rows)):
                for x in range(2 * column, min(2 * column + 2, columns)):
                    yield level - 1, y, x

    def _cells_of(self, level: int) -> Iterator[Cell]:
        rows, columns = (cells_along(lines) for lines in self.levels.lines(level))
        return ((level, y, x) for y in range(rows) for x in range(columns))


def cells_along(lines: NDArray[np.intp]) -> int:
    """How many cells lie along an axis: a single line is a cell of its own."""
    return max(1, len(lines) - 1)


def _corners(table: Table) -> Table:
    """(4, cells, cells): the values at the four corners of each cell."""
    rows, columns = (max(1, count - 1) for count in table.shape)
    above, below = table[:rows], table[-rows:]
    return np.stack([above[:, :columns], above[:, -columns:], below[:, :columns], below[:, -columns:]])


def _coarse_ranks(table: Table) -> Table:
    """Ranks of a map's values in [0, 1], where those that hardly differ are equal."""
    steps = np.rint((table - table.min()) / (_FLAT * float(np.ptp(table)) or 1.0))
    ranks: Table = weighted_ranks(steps.reshape(-1), np.ones(steps.size)) / steps.size
    return ranks.reshape(steps.shape)
