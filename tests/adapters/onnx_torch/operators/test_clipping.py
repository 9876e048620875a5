"""Clip: bounds as attributes and as inputs, as constants and computed."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.adapters.onnx_torch.operator_cases import Case, check_batches, check_slopes, check_values, ints, normal
from tests.adapters.onnx_torch.operators.test_activations import seen
from tests.adapters.onnx_torch.single_node import call_node, make_node, run_node, same_values

X = normal(2, 3) * 2
LOW, HIGH = np.float32(-0.7), np.float32(0.9)

CASES = [
    Case("Clip", [X], (7, 9), {"min": -0.7, "max": 0.9}),
    Case("Clip", [X], (7, 9), {"min": 0.0}),
    Case("Clip", [X, LOW, HIGH], (11, 13, 23)),
    Case("Clip", [X, LOW], (11, 13, 23), note="below"),
    Case("Clip", [X, None, HIGH], (11, 13, 23), note="above"),
    Case("Clip", [X], (11, 13, 23), note="unbounded"),
]
WHOLE = [
    Case("Clip", [ints(1, 5, 9, dtype=dtype), np.array(2, dtype), np.array(7, dtype)], (13, 23))
    for dtype in (np.int8, np.uint8, np.int64, np.uint32)
]


@pytest.mark.parametrize("case", CASES + WHOLE, ids=str)
def test_values_are_those_of_other_implementations(case):
    check_values(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_are_central_differences(case):
    check_slopes(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_batch_is_the_loop_over_its_items(case):
    check_batches(case)


def clipped(inputs):
    """With both bounds as constants of the graph."""
    return call_node(make_node("Clip", inputs, 13, constant=(1, 2)), inputs)


@pytest.mark.parametrize("bounds", [(-0.7, 0.9), (0, 6), (0, None), (None, 1), (2, 1), (-np.inf, 0)])
def test_constant_bounds_give_the_same_as_computed_ones(bounds):
    inputs = [X, *(None if bound is None else np.float32(bound) for bound in bounds)]
    torch.testing.assert_close(clipped(inputs), run_node("Clip", inputs, 13))


def test_bounds_that_cross_give_the_upper_one():
    same_values(clipped([np.float32([0, 5]), np.float32(2), np.float32(1)]), np.float32([1, 1]))
    same_values(run_node("Clip", [np.float32([0, 5])], 6, min=2.0, max=1.0), np.float32([1, 1]))


def test_backward_rules_see_a_rectifier_where_the_bounds_are_constants():
    assert functional.relu6 in seen("Clip", [X, np.float32(0), np.float32(6)], constant=(1, 2))
    assert functional.relu6 in seen("Clip", [X], 6, min=0.0, max=6.0)
    assert torch.clamp in seen("Clip", [X, np.float32(0)], constant=(1,))
    assert torch.clamp in seen("Clip", [X], 6, min=0.0)


def test_nothing_is_copied_where_nothing_is_cut():
    x = torch.ones(3)
    assert run_node("Clip", [x], 13) is x
