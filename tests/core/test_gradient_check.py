"""The check itself: right gradients pass and wrong ones do not, with rounding, bends and flat pictures."""

import numpy as np
import pytest

from tests.fakes import LinearModel
from viz.core.adapter import INPUT_ROUNDING, Trace
from viz.core.gradient_check import (
    _STEPS,
    GradientCheck,
    _fitted,
    _inside,
    check_gradient,
    check_gradient_in_double,
    gradient_checks,
    rounds_inside,
)
from viz.core.target import class_target

RANDOM = np.random.default_rng(0)
WEIGHTS = RANDOM.standard_normal((4, 3, 6, 5)).astype(np.float32)
IMAGE = RANDOM.random((3, 6, 5)).astype(np.float32)


class Linear(LinearModel):
    """A linear model that can be computed in float64, whose gradient pass is wrong by a factor."""

    factor = 1.0
    passed: tuple[str, ...] = ()

    def trace(self, images, layers, rule="plain"):
        import torch

        values = torch.einsum("kchw,bchw->bk", torch.from_numpy(self.weights).to(images), images) * self.factor
        return Trace(dict.fromkeys(layers, values), straight_through=self.passed)

    def trace_double(self, images, layers):
        assert str(images.dtype) == "torch.float64"
        return self.trace(images, layers)


def model(factor=1.0, passed=()):
    found = Linear(WEIGHTS)
    found.factor, found.passed = factor, passed
    return found


# --- the slope of changes on what a gradient expects --------------------------------------------------------------

EXPECTED = 300.0 * _STEPS
ROUNDING = np.random.default_rng(1).normal(0, 1e-6, EXPECTED.shape)


@pytest.mark.parametrize("slope", [1.0, 0.9, -2.0, 0.0])
def test_a_straight_line_has_its_slope(slope):
    found, error = _fitted(EXPECTED, slope * EXPECTED)
    assert found == pytest.approx(slope, abs=1e-9) and error < 1e-9


@pytest.mark.parametrize("bend", [0.0, 10.0, -10.0])
def test_rounding_and_bends_are_within_what_is_left_open(bend):
    """Up to 10 % at the longest step, and rounding of 3 % at the shortest."""
    changes = EXPECTED * (1 + bend * EXPECTED) + ROUNDING
    found, error = _fitted(EXPECTED, changes)
    assert abs(found - 1) <= 2 * error + 1e-3 and error < 0.03


def test_a_slope_that_is_steady_far_off_says_that_it_is_not_that_of_shorter_steps():
    """Behind a kink the function is straight again, and rounding is small by then."""
    longer = np.arange(len(EXPECTED)) >= 12
    found, error = _fitted(EXPECTED, np.where(longer, 0.9, 1.0) * EXPECTED + ROUNDING)
    assert abs(found - 1) <= 2 * error


def test_where_nothing_is_expected_nothing_may_change():
    nothing = np.zeros_like(EXPECTED)
    assert _fitted(nothing, nothing) == (1.0, 0.0)
    assert _fitted(nothing, EXPECTED)[0] == float("inf")


# --- whole checks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [check_gradient, check_gradient_in_double])
def test_a_right_gradient_holds(check):
    found = check(model(), IMAGE, class_target(model(), 1))
    assert found.holds() and found.error < 0.005 and len(found.by_gradient) == 4


@pytest.mark.parametrize("factor", [1.05, 0.5, -1.0])
def test_a_wrong_gradient_does_not_and_the_error_is_its_own(factor):
    found = check_gradient(model(factor), IMAGE, class_target(model(), 1))
    assert not found.holds()
    assert found.error == pytest.approx(abs(factor - 1), rel=0.05)


def test_in_float64_the_pass_is_checked_against_itself_only():
    """That its values are the model's is another check."""
    assert check_gradient_in_double(model(1.05), IMAGE, class_target(model(), 1)).error < 1e-6


def test_both_checks_are_made_where_both_mean_something():
    assert [one.by for one in gradient_checks(model(), IMAGE, class_target(model(), 1))] == [
        "fake",
        "the gradient pass, float64",
    ]
    without_double = LinearModel(WEIGHTS)
    assert [one.by for one in gradient_checks(without_double, IMAGE, class_target(without_double, 1))] == ["fake"]


def test_roundings_inside_the_network_leave_the_check_in_float64_and_that_of_the_input_leaves_both():
    target = class_target(model(), 1)
    inside = gradient_checks(model(passed=("QuantizeLinear 'q'",)), IMAGE, target)
    assert [one.by for one in inside] == ["the gradient pass, float64, without its roundings"]
    assert len(gradient_checks(model(passed=(INPUT_ROUNDING,)), IMAGE, target)) == 2
    assert not rounds_inside(()) and not rounds_inside((INPUT_ROUNDING,))
    assert rounds_inside((INPUT_ROUNDING, "QuantizeLinear 'q'"))


def test_the_point_of_the_check_is_next_to_the_image_and_off_black_white_and_flat():
    for value in (0.0, 0.4, 1.0):
        point = _inside(np.full((3, 20, 20), value, np.float32), 0)
        assert np.abs(point - value).max() <= 5 / 255 + 1e-6
        assert point.min() >= 1 / 255 and point.max() <= 254 / 255 + 1e-6
        assert len(np.unique(point)) == 5
        np.testing.assert_allclose(point * 255, np.rint(point * 255), atol=1e-4)


def test_an_error_is_relative_to_the_differences_and_infinite_where_these_are_zero():
    assert GradientCheck("t", "d", (3.0, 4.4), (3.0, 4.0), 0.0).error == pytest.approx(0.08)
    assert GradientCheck("t", "d", (1.0,), (0.0,), 0.0).error == float("inf")
    assert GradientCheck("t", "d", (0.0,), (0.0,), 0.0).error == 0
    assert GradientCheck("t", "d", (1.05,), (1.0,), 0.041).holds()
    assert not GradientCheck("t", "d", (1.05,), (1.0,), 0.03).holds()
