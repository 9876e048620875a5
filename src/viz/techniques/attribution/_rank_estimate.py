"""How a map that is interpolated in part correlates in rank with the full one, from a sample."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def estimated_rank_correlation(computed: Values, interpolated: Values, exact: Values, positions: int) -> float:
    """Spearman's rank correlation, over all positions of a grid, of a map with the full one: an estimate.

    Args:
        computed: values of positions that the map has as they are.
        interpolated: the map's values at others, drawn at random among those that it interpolates.
        exact: the full map's values at the same ones.
        positions: how many there are in all.

    Each one drawn stands for as many interpolated positions as there are for each: ranks and their correlation are
    weighted by that. 1 where nothing differs; 0 where one of the two is the same everywhere and the other is not.
    """
    share = (positions - len(computed)) / len(exact)
    weights = np.concatenate([np.ones(len(computed)), np.full(len(exact), share)])
    ours, full = np.concatenate([computed, interpolated]), np.concatenate([computed, exact])
    if np.array_equal(ours, full):
        return 1.0
    return _correlation(weighted_ranks(ours, weights), weighted_ranks(full, weights), weights)


def weighted_ranks(values: Values, weights: Values) -> Values:
    """The weight below each value (n,), and half of that at it: with weights of 1, ranks whose ties share the mean."""
    _, where = np.unique(values, return_inverse=True)
    at = np.bincount(where, weights)
    ranks: Values = (np.cumsum(at) - at / 2)[where]
    return ranks


def _correlation(one: Values, other: Values, weights: Values) -> float:
    a, b = (values - np.average(values, weights=weights) for values in (one, other))
    scale = float(np.sqrt((weights * a * a).sum() * (weights * b * b).sum()))
    return float((weights * a * b).sum()) / scale if scale else 0.0
