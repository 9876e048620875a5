"""Estimates of a map's rank correlation, against the correlation that they estimate."""

import numpy as np
import pytest

from viz.techniques.attribution._rank_estimate import estimated_rank_correlation, weighted_ranks
from viz.techniques.metrics._similarity import rank_correlation


def test_weights_count_as_repetitions():
    values, times = np.array([3.0, 1.0, 2.0, 1.0]), np.array([1, 2, 3, 1])
    ranks = weighted_ranks(values, times.astype(float))
    repeated = weighted_ranks(np.repeat(values, times), np.ones(times.sum()))
    np.testing.assert_allclose(np.repeat(ranks, times), repeated)
    np.testing.assert_allclose(ranks, [6.5, 1.5, 4.5, 1.5])


def test_with_every_interpolated_position_drawn_the_estimate_is_the_correlation_itself():
    rng = np.random.default_rng(0)
    full = rng.normal(size=200).round(1)
    ours = full + rng.normal(scale=0.5, size=200).round(1)
    ours[:60] = full[:60]
    estimate = estimated_rank_correlation(full[:60], ours[60:], full[60:], 200)
    assert estimate == pytest.approx(rank_correlation(ours, full), abs=1e-9)


def test_a_sample_comes_near_the_correlation_of_the_whole_map():
    rng = np.random.default_rng(0)
    full = rng.normal(size=4000)
    ours = full + 0.4 * rng.normal(size=4000)
    ours[:1000] = full[:1000]
    true = rank_correlation(ours, full)
    draws = [1000 + rng.permutation(3000)[:32] for _ in range(200)]
    estimates = [estimated_rank_correlation(full[:1000], ours[d], full[d], 4000) for d in draws]
    assert abs(np.mean(estimates) - true) < 0.02
    assert np.std(estimates) < 0.04


def test_equal_maps_have_one_and_a_flat_map_none():
    same = np.array([1.0, 1.0, 1.0])
    assert estimated_rank_correlation(same, same, same, 9) == 1
    assert estimated_rank_correlation(same, same, np.array([1.0, 2.0, 3.0]), 9) == 0
