"""Where an axis is after a reshape."""

import pytest

from viz.adapters.reshaped_axis import reshaped_axis


@pytest.mark.parametrize(
    "before,axis,after,expected",
    [
        ((1, 8, 4, 4), 1, (1, 8, 16), 1),
        ((1, 8, 16), 1, (1, 2, 4, 16), None),
        ((1, 4, 4, 8), 3, (1, 16, 8), 2),
        ((1, 8, 1, 1), 1, (1, 8), 1),
        ((1, 8, 4, 4), 1, (1, 128), None),
        ((None, 8, 4, 4), 1, (None, 8, 16), 1),
        ((1, 8, 4), 1, (4, 8), None),
    ],
)
def test_an_axis_is_found_where_it_was_left_whole(before, axis, after, expected):
    assert reshaped_axis(before, axis, after) == expected
