"""Variants that go through together: of like windows, because a batch computes the largest of its windows for all."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viz.adapters.onnx_graph.windows.reach import Ints, Reach

# What a call costs beside its arithmetic, in multiply-accumulates: some hundred operators are started.
_CALL_COST = 1e8


@dataclass(frozen=True, eq=False)
class Costs:
    """What windows cost: for every layer its reach and the multiply-accumulates of one position of its map.

    `fixed` is what every variant costs whatever its windows.
    """

    reaches: Sequence[Reach]
    per_position: NDArray[np.float64]
    fixed: float

    def heights(self, tops: Ints) -> Ints:
        """(variants, layers) heights of the windows of patches at these tops."""
        return np.stack([reach.y.widths[tops] for reach in self.reaches], axis=1)

    def widths(self, lefts: Ints) -> Ints:
        """(variants, layers) widths."""
        return np.stack([reach.x.widths[lefts] for reach in self.reaches], axis=1)


def grouped(costs: Costs, tops: Ints, lefts: Ints, largest: int) -> list[Ints]:
    """Rows of variants that go together, at most `largest` each, so that the batches cost least in all.

    Variants are put in an order in which like ones are neighbours; where to cut that order is then found
    exactly, by dynamic programming over the place of the last cut.
    """
    if not costs.reaches:
        return [np.arange(a, min(a + largest, len(tops))) for a in range(0, len(tops), largest)]
    heights, widths = costs.heights(tops), costs.widths(lefts)
    order = np.lexsort((_alike(widths), _alike(heights)))
    cut = _cuts(costs, heights[order], widths[order], largest)
    groups, stop = [], len(order)
    while stop:
        groups.append(order[cut[stop] : stop])
        stop = cut[stop]
    return groups[::-1]


def _alike(sizes: Ints) -> Ints:
    """(variants,) one number for each distinct row of window sizes, small windows first."""
    kinds, which = np.unique(sizes, axis=0, return_inverse=True)
    rank = np.empty(len(kinds), np.intp)
    rank[np.argsort(kinds.sum(axis=1), kind="stable")] = np.arange(len(kinds))
    return rank[which.reshape(-1)]


def _cuts(costs: Costs, heights: Ints, widths: Ints, largest: int) -> list[int]:
    """Where the last batch begins when the first i variants are cut at least cost, for every i."""
    best, cut = [0.0], [0]
    for stop in range(1, len(heights) + 1):
        sizes = np.arange(1, min(largest, stop) + 1)
        back = slice(stop - len(sizes), stop)
        # Of the last k variants, k = 1, 2, …: the largest window of each layer.
        high = np.maximum.accumulate(heights[back][::-1], axis=0)
        wide = np.maximum.accumulate(widths[back][::-1], axis=0)
        cost = sizes * ((high * wide) @ costs.per_position + costs.fixed) + _CALL_COST
        total = cost + np.array(best[stop - len(sizes) : stop])[::-1]
        k = int(total.argmin())
        best.append(float(total[k]))
        cut.append(stop - int(sizes[k]))
    return cut
