"""Levels of a grid: every second line and the last, and whole maps from what is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viz.techniques.attribution._position_levels import Levels, levels_of


def test_a_level_has_every_second_line_of_the_one_before_and_the_last():
    levels = Levels((10, 9), 2)
    assert [lines.tolist() for lines in levels.lines(0)] == [list(range(10)), list(range(9))]
    assert [lines.tolist() for lines in levels.lines(1)] == [[0, 2, 4, 6, 8, 9], [0, 2, 4, 6, 8]]
    assert [lines.tolist() for lines in levels.lines(2)] == [[0, 4, 8, 9], [0, 4, 8]]
    assert levels.of_level(2).sum() == 4 * 3


@pytest.mark.parametrize(("shape", "at_most", "positions"), [((29, 29), 70, 64), ((49, 49), 200, 169), ((4, 4), 4, 4)])
def test_the_coarsest_level_is_the_first_that_is_small_enough(shape, at_most, positions):
    levels = levels_of(shape, at_most, at_most, reach=1)
    assert levels.of_level(levels.coarsest).sum() == positions


@pytest.mark.parametrize(("reach", "coarsest"), [(1, 1), (2, 1), (4, 2), (8, 3), (100, 3)])
def test_lines_move_apart_no_farther_than_a_patch_reaches(reach, coarsest):
    assert levels_of((40, 40), at_most=800, enough=40, reach=reach).coarsest == coarsest


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1), (2, 2), (3, 40)])
def test_narrow_grids_come_down_to_their_corners(shape):
    levels = levels_of(shape, 1, 1, reach=1)
    corners = levels.of_level(levels.coarsest)
    assert corners.sum() == min(2, shape[0]) * min(2, shape[1])
    assert corners[0, 0] and corners[-1, -1]


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 20), columns=st.integers(1, 20), seed=st.integers(0, 99))
def test_a_plane_comes_back_from_its_coarsest_level(rows, columns, seed):
    """Bilinear between lines, whatever their distance, is exact where the map is linear in rows and columns."""
    levels = levels_of((rows, columns), 4, 4, reach=1)
    a, b, c = np.random.default_rng(seed).normal(size=3)
    plane = a + b * np.arange(rows)[:, None] + c * np.arange(columns)
    known = levels.of_level(levels.coarsest)
    np.testing.assert_allclose(levels.whole(np.where(known, plane, 99), known), plane, atol=1e-9)


def test_a_map_passes_through_what_is_known_and_ignores_what_is_not():
    levels = Levels((9, 9), 2)
    values = np.random.default_rng(0).normal(size=(9, 9))
    known = levels.of_level(2) | (np.random.default_rng(1).random((9, 9)) < 0.3)
    whole = levels.whole(np.where(known, values, np.nan), known)
    assert np.isfinite(whole).all()
    np.testing.assert_array_equal(whole[known], values[known])


def test_a_finer_position_that_is_known_bends_what_lies_beside_it():
    levels = Levels((5, 5), 2)
    values, known = np.zeros((5, 5)), levels.of_level(2)
    values[2, 2], known[2, 2] = 8.0, True
    whole = levels.whole(values, known)
    np.testing.assert_allclose(whole[2], [0, 4, 8, 4, 0])
    np.testing.assert_allclose(whole[1], [0, 2, 4, 2, 0])
