"""Ticks at round numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viz.render.axes import axis_for, linear, written

finite = st.floats(-1e12, 1e12, allow_subnormal=False).map(lambda v: 0.0 if abs(v) < 1e-12 else v)


def test_the_known_ticks():
    assert linear(0, 10).ticks == (0, 2, 4, 6, 8, 10)
    assert linear(-0.31, 0.12).ticks == (-0.3, -0.2, -0.1, 0.0, 0.1)
    assert linear(0, 3, most=8, whole=True).ticks == (0, 1, 2, 3)
    assert axis_for(np.array([1e-3, 10.0])).ticks == pytest.approx((1e-3, 1e-2, 1e-1, 1, 10))


@given(st.lists(finite, min_size=1, max_size=5))
def test_all_values_are_between_the_ends_and_a_few_ticks_too(values):
    axis = axis_for(np.array(values))
    assert axis.low <= min(values) and max(values) <= axis.high
    assert 1 <= len(axis.ticks) <= 8
    assert all(axis.low <= tick * (1 + 1e-9) + 1e-9 and tick * (1 - 1e-9) - 1e-9 <= axis.high for tick in axis.ticks)
    shares = axis.share(np.array(values))
    assert ((shares >= -1e-9) & (shares <= 1 + 1e-9)).all()


def test_only_positive_values_over_more_than_two_decades_are_logarithmic():
    assert axis_for(np.array([1.0, 101.0])).log
    assert not axis_for(np.array([1.0, 99.0])).log
    assert not axis_for(np.array([0.0, 1e6])).log
    assert axis_for(np.array([1e-30, 1.0, np.nan])).log


@pytest.mark.parametrize(
    ("tick", "text"),
    [(0, "0"), (0.05, "0.05"), (-2, "-2"), (20000, "20,000"), (1e-6, "1e-6"), (2.5e9, "2.5e9"), (-5e-7, "-5e-7")],
)
def test_ticks_are_written_shortly(tick, text):
    assert written(tick) == text
