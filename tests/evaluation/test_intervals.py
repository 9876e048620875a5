"""Bootstrap intervals: they cover the truth as often as they say."""

import numpy as np
import pytest

from viz.evaluation.intervals import figure


def test_about_95_of_100_intervals_hold_the_true_mean():
    random = np.random.default_rng(0)
    inside = 0
    for seed in range(200):
        found = figure(random.normal(3, 2, 40), seed)
        inside += found.low <= 3 <= found.high
    assert 0.89 <= inside / 200 <= 0.98  # the percentile bootstrap of 40 values is a little narrow


def test_the_interval_is_as_wide_as_the_normal_approximation():
    values = np.random.default_rng(0).normal(0, 1, 400)
    found = figure(values, 0)
    assert found.mean == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 / 20, rel=0.1)


def test_images_without_a_value_do_not_count():
    found = figure(np.array([1.0, np.nan, 1.0, np.inf]), 0)
    assert (found.mean, found.low, found.high, found.images) == (1, 1, 1, 2)


def test_no_values_are_no_figure():
    assert figure(np.array([np.nan]), 0) is None


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(0).random(20)
    assert figure(values, 7) == figure(values, 7) != figure(values, 8)
