"""Which positions are computed: never more than allowed, a whole map at any moment, and the hot ones first."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viz.techniques.attribution._adaptive_positions import AdaptivePositions


def searched(values, share, seed=0, rounds=1000):
    """The positions after so many rounds, those of each round beside them."""
    positions, asked = AdaptivePositions(values.shape, share, seed, reach=4), []
    wanted = positions.first()
    while len(wanted) and len(asked) < rounds:
        asked.append(wanted)
        positions.enter(wanted, values.reshape(-1)[wanted].astype(np.float32))
        wanted = positions.following()
    return positions, asked


def bump(shape=(41, 41), middle=(28, 11), width=2.5):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.exp(-((rows - middle[0]) ** 2 + (columns - middle[1]) ** 2) / (2 * width**2)).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 30),
    columns=st.integers(1, 30),
    share=st.floats(0.01, 1),
    seed=st.integers(0, 99),
)
def test_no_position_is_asked_for_twice_and_no_more_than_allowed(rows, columns, share, seed):
    values = np.random.default_rng(seed).normal(size=(rows, columns))
    positions, asked = searched(values, share, seed)
    every = np.concatenate(asked)
    assert len(np.unique(every)) == len(every) == positions.computed.sum()
    assert len(every) <= positions.at_most <= max(4, share * values.size)


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 24), columns=st.integers(1, 24), seed=st.integers(0, 99))
def test_with_all_positions_allowed_all_are_computed(rows, columns, seed):
    values = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    positions, _ = searched(values, 1.0, seed)
    assert positions.computed.all()
    np.testing.assert_array_equal(positions.table(), values)
    assert positions.rank_correlation() == 1


@pytest.mark.parametrize("rounds", range(1, 9))
def test_the_map_is_whole_after_every_round(rounds):
    values = np.random.default_rng(0).normal(size=(29, 29)).astype(np.float32) + 10
    positions, asked = searched(values, 0.25, rounds=rounds)
    assert len(asked) == rounds
    table = positions.table()
    np.testing.assert_array_equal(table[positions.computed], values[positions.computed])
    assert values.min() <= table.min() and table.max() <= values.max()


def test_it_begins_with_a_coarse_grid_and_some_positions_beside_it():
    positions = AdaptivePositions((41, 41), 0.25, 0, reach=4)
    positions.enter(positions.first(), np.ones(11 * 11 + 32, np.float32))
    assert positions.known[::4, ::4].all() and positions.known.sum() == 11 * 11
    assert positions.held_out.sum() == 32 and not (positions.held_out & positions.known).any()


def test_a_single_bump_is_computed_in_full_and_the_plain_around_it_left_coarse():
    positions, _ = searched(bump(), 0.2)
    around = positions.computed[26:31, 9:14]
    assert around.all(), around
    far = positions.computed[:20, 20:]
    assert far.mean() < 0.12
    coarse, _ = searched(bump(), 0.2, rounds=1)
    assert np.abs(positions.table() - bump()).max() < 0.1 < 0.2 < np.abs(coarse.table() - bump()).max()


def test_the_hottest_part_is_computed_in_full_beside_a_steeper_one():
    """A wide hill is hot and gentle; a checkered corner is steep and cold."""
    values = bump(width=8.0)
    values[:12, 29:] = 0.1 * (np.indices((12, 12)).sum(axis=0) % 2) - 0.3
    positions, _ = searched(values, 0.3)
    assert positions.computed[26:31, 9:14].all()


def test_differences_of_rounding_do_not_count_as_steep():
    """Noise of a millionth would have ranks all over; the rounds go where the map changes."""
    noise = 1e-7 * np.random.default_rng(0).normal(size=(41, 41)).astype(np.float32)
    quiet, _ = searched(bump(), 0.2)
    noisy, _ = searched(bump() + noise, 0.2)
    assert (quiet.computed == noisy.computed).mean() > 0.95


def test_what_is_held_out_is_drawn_by_the_seed():
    first, again, other = (AdaptivePositions((29, 29), 0.25, seed, reach=4).held_out for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_the_map_has_the_positions_held_out_and_its_estimate_does_not_know_them():
    values = np.random.default_rng(0).normal(size=(29, 29)).astype(np.float32)
    positions, _ = searched(values, 0.25)
    held = positions.held_out & ~positions.known
    assert held.sum() >= 8
    np.testing.assert_array_equal(positions.table()[held], values[held])
    estimate = positions.rank_correlation()
    assert 0.1 < estimate < 0.6, "noise cannot be interpolated; a quarter of the positions agree by themselves"


def test_a_position_held_out_that_a_round_needs_is_held_out_no_more():
    """So those that stay are a sample of what is interpolated."""
    values = np.random.default_rng(0).normal(size=(29, 29)).astype(np.float32)
    positions, asked = searched(values, 0.6)
    held = positions.held_out & ~positions.known
    assert 0 < held.sum() < positions.held_out.sum()
    assert sum(map(len, asked)) == (positions.known | held).sum()


def test_a_map_of_few_positions_has_no_estimate():
    positions, _ = searched(np.random.default_rng(0).normal(size=(6, 6)), 0.25)
    assert positions.rank_correlation() is None
