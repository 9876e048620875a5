"""How alike two maps are: known answers."""

import numpy as np
import pytest

from viz.techniques.metrics._similarity import rank_correlation, structural_similarity

RANDOM = np.random.default_rng(0)
MAP = RANDOM.random((20, 30)).astype(np.float32)


def test_rank_correlation_sees_the_order_only():
    assert rank_correlation(MAP, np.exp(5 * MAP)) == pytest.approx(1)
    assert rank_correlation(MAP, -(MAP**3)) == pytest.approx(-1)
    assert abs(rank_correlation(MAP, RANDOM.random(MAP.shape))) < 0.1


def test_ties_share_their_mean_rank():
    one, other = np.float32([[1, 2, 2, 3]]), np.float32([[1, 2, 3, 4]])
    ranks = np.array([1, 2.5, 2.5, 4]), np.array([1, 2, 3, 4])
    assert rank_correlation(one, other) == pytest.approx(np.corrcoef(*ranks)[0, 1])


def test_a_flat_map_is_like_itself_and_like_nothing_else():
    flat = np.zeros_like(MAP)
    assert rank_correlation(flat, flat) == 1
    assert rank_correlation(flat, MAP) == 0


def test_structural_similarity_is_one_for_the_same_map_at_any_scale_and_low_for_another():
    assert structural_similarity(MAP, 7 * MAP) == pytest.approx(1)
    assert structural_similarity(MAP, RANDOM.random(MAP.shape).astype(np.float32)) < 0.3


def test_structural_similarity_of_two_flat_maps_is_wang_s_luminance_term():
    one, other = np.full((30, 30), 1, np.float32), np.full((30, 30), 1, np.float32)
    other[0, 0] = 2  # scaled to a maximum of 1, the rest is 0.5
    found = structural_similarity(one, other)
    assert found == pytest.approx((2 * 0.5 + 1e-4) / (1.25 + 1e-4), abs=0.02)
