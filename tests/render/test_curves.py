"""Line plots: points stand where their values say."""

import numpy as np
import pytest

from viz.render import curve

BLUE, ORANGE = (0, 114, 178), (213, 94, 0)


def points(picture, colour=BLUE):
    """Rows and columns of the line's own colour."""
    return np.nonzero((picture == colour).all(axis=2))


def height_at(picture, share, colour=BLUE):
    """The line's middle row in the column at a share of its own width."""
    rows, columns = points(picture, colour)
    column = round(columns.min() + share * (columns.max() - columns.min()))
    return rows[np.abs(columns - column) <= 1].mean()


def test_it_is_about_640_by_360():
    height, width, _ = curve(np.arange(10, dtype=np.float32), "score").shape
    assert width == 640 and 330 <= height <= 390


def test_the_highest_value_is_at_the_top_in_its_own_place():
    values = np.zeros(101, np.float32)
    values[25] = 3
    rows, columns = points(curve(values, "score"))
    share = (columns[rows.argmin()] - columns.min()) / (columns.max() - columns.min())
    assert share == pytest.approx(0.25, abs=0.01)
    assert rows.min() < 60, "near the top"
    assert np.median(rows) > 290, "near the bottom"


def test_equal_steps_are_equally_high():
    shown = curve(np.array([-1.0, 0.0, 1.0], np.float32), "score")
    low, middle, high = (height_at(shown, share) for share in (0.02, 0.5, 0.98))
    assert low - middle == pytest.approx(middle - high, abs=2)
    assert low - high > 200


def test_a_fall_by_a_factor_each_step_is_a_straight_line_where_it_spans_decades():
    shown = curve(10.0 ** -np.linspace(0, 3, 50).astype(np.float32), "loss")
    heights = [height_at(shown, share) for share in (0.05, 0.5, 0.95)]
    assert heights[1] == pytest.approx((heights[0] + heights[2]) / 2, abs=2)
    bent = curve(10.0 ** -np.linspace(0, 1.5, 50).astype(np.float32), "loss")
    heights = [height_at(bent, share) for share in (0.05, 0.5, 0.95)]
    assert heights[1] > (heights[0] + heights[2]) / 2 + 30


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_leaves_a_gap(bad):
    values = np.ones(101, np.float32)
    values[40:60] = bad
    _, columns = points(curve(values, "score"))
    present = np.unique(columns)
    gaps = np.diff(present)
    assert gaps.max() == pytest.approx(0.21 * (present[-1] - present[0]), rel=0.1)
    assert (gaps > 1).sum() == 1


def test_one_number_between_gaps_is_a_point():
    rows, _ = points(curve(np.array([np.nan, 2.0, np.nan], np.float32), "score"))
    assert 9 < len(rows) < 60


@pytest.mark.parametrize("values", [np.zeros(0), np.full(4, np.nan), np.zeros(5), np.full(3, 1e30)])
def test_plots_without_a_range_can_be_drawn(values):
    assert curve(values.astype(np.float32), "score").min() < 100, "at least its label"


def test_every_line_has_its_colour_here_and_in_the_legend():
    values = np.stack([np.zeros(20), np.ones(20)], axis=1).astype(np.float32)
    shown = curve(values, "loss", ["content", "style"])
    assert height_at(shown, 0.2, ORANGE) < height_at(shown, 0.2, BLUE) - 150
    for colour in (BLUE, ORANGE):
        rows, columns = points(shown, colour)
        across = np.unique(columns)
        (gap,) = np.flatnonzero(np.diff(across) > 5)
        legend = columns > across[gap]
        assert rows[legend].max() < 90 and 10 <= np.ptp(columns[legend]) <= 20


def test_a_single_line_needs_no_legend():
    values = np.zeros(20, np.float32)
    assert (curve(values, "loss", ["content"]) == curve(values, "loss")).all()
    _, columns = points(curve(values, "loss"))
    assert columns.max() > 610


def test_many_places_have_a_wider_plot_in_which_each_has_a_name():
    marks = [f"/features/conv.{i}/Conv" for i in range(70)]
    shown = curve(np.arange(70, dtype=np.float32), "error", marks=marks)
    assert shown.shape[1] > 70 * 13
    below = (shown[330:].max(axis=2) < 170).any(axis=0)
    starts = np.flatnonzero(np.diff(below.astype(int)) == 1)
    assert len(starts) >= 70


def test_another_name_changes_only_what_is_below_the_plot():
    values = np.arange(3, dtype=np.float32)
    one, other = (curve(values, "error", marks=["conv1", "conv2", last]) for last in ("fc8", "fc9"))
    rows, columns = np.nonzero((one != other).any(axis=2))
    assert rows.min() > 318 and columns.min() > 400


def test_many_lines_are_told_apart_and_the_legend_says_how_many_more_there_are():
    values = np.arange(40, dtype=np.float32)[None].repeat(5, axis=0)
    shown = curve(values, "score")
    middle = shown[:, shown.shape[1] // 3]
    assert len({tuple(pixel) for pixel in middle if np.ptp(pixel.astype(int)) > 40}) >= 40


@pytest.mark.parametrize("said", [{"names": ["a"]}, {"marks": ["a", "b"]}])
def test_names_that_are_not_as_many_as_the_values_are_an_error(said):
    with pytest.raises(ValueError, match="do not fit"):
        curve(np.zeros((3, 2), np.float32), "x", **said)


def test_the_same_values_give_the_same_plot():
    values = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    assert (curve(values, "x") == curve(values, "x")).all()
