"""Reductions: axes as attribute and as input, none at all, nothing to reduce, ties."""

import numpy as np
import pytest
import torch

from tests.adapters.onnx_torch.operator_cases import (
    Case,
    check_batches,
    check_slopes,
    check_values,
    ints,
    normal,
    uniform,
)
from tests.adapters.onnx_torch.single_node import check_against, onnxruntime, reference, run_node, same_values
from viz.adapters.onnx_torch.operator_table import Unsupported

FAMILY = "Sum Mean Prod Max Min L1 L2 SumSquare LogSum LogSumExp".split()
REDUCTIONS = [f"Reduce{name}" for name in FAMILY]
X = uniform(2, 3, 4)


def axes(op, given, **attributes):
    """The same reduction with its axes where each version has them."""
    last = 11 if op == "ReduceSum" else 13
    note = f"axes{given}"
    return [
        Case(op, [X], (7, 11, last), {"axes": given, **attributes}, note=note),
        Case(op, [X, ints(*given)], (18, 23), attributes, note=note),
    ]


CASES = [
    *(case for op in REDUCTIONS for case in axes(op, [1])),
    *(case for op in REDUCTIONS for case in axes(op, [0, 2], keepdims=0)),
    *(Case(op, [X], (7, 18, 23), note="all") for op in REDUCTIONS),
    *(Case(op, [X], (18, 23), {"noop_with_empty_axes": 1}) for op in REDUCTIONS),
    Case("ReduceL1", [normal(2, 3)], (7, 18, 23), note="signs"),
    Case("ReduceProd", [normal(2, 3)], (7, 18, 23), note="signs"),
    Case("ReduceL2", [normal(2, 3)], (18, 23), {"noop_with_empty_axes": 1}, note="signs"),
]
WHOLE = [
    Case(f"Reduce{name}", [ints(3, -1, 2, dtype=np.int32), ints(0)], (18, 23), note="int32")
    for name in "Sum Mean Prod Max Min L1".split()
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


@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("name", "Sum Prod Max Min L1 L2 SumSquare LogSum LogSumExp".split())
def test_reducing_nothing_gives_what_adds_nothing(name, keepdims):
    empty = np.zeros((2, 0, 4), np.float32)
    check_against(reference, f"Reduce{name}", [empty, ints(1)], 20, keepdims=keepdims)


def test_reducing_nothing_of_whole_numbers_gives_their_limits():
    empty = np.zeros((0, 2), np.int32)
    same_values(run_node("ReduceMax", [empty, ints(0)], 20, keepdims=0), np.int32([-(2**31)] * 2))
    same_values(run_node("ReduceMin", [empty, ints(0)], 20, keepdims=0), np.int32([2**31 - 1] * 2))
    same_values(run_node("ReduceMax", [empty.astype(bool), ints(0)], 20, keepdims=0), np.array([False] * 2))
    same_values(run_node("ReduceMin", [empty.astype(bool), ints(0)], 20, keepdims=0), np.array([True] * 2))


def test_truths_have_a_largest_and_a_smallest():
    truths = np.array([[True, False], [True, True]])
    same_values(run_node("ReduceMax", [truths, ints(1)], 20, keepdims=0), np.array([True, True]))
    same_values(run_node("ReduceMin", [truths, ints(1)], 20, keepdims=0), np.array([False, True]))


def test_a_sum_of_squares_keeps_the_type_that_the_standard_says_and_the_reference_widens():
    check_against(onnxruntime, "ReduceSumSquare", [ints(3, -1, 2, dtype=np.int32), ints(0)], 18)


@pytest.mark.parametrize("op", REDUCTIONS)
def test_a_number_is_reduced_to_itself(op):
    check_against(onnxruntime, op, [np.float32(0.7)], 18)


@pytest.mark.parametrize("name", "Sum Prod Max Min Mean L2".split())
def test_unsigned_numbers_keep_their_type(name):
    x = ints(3, 4, dtype=np.uint32)
    wanted = {"Sum": 7, "Prod": 12, "Max": 4, "Min": 3, "Mean": 3, "L2": 5}[name]
    same_values(run_node(f"Reduce{name}", [x, ints(0)], 18, keepdims=0), np.array(wanted, np.uint32))


def test_the_largest_of_uint64_is_left_to_the_lower_tiers():
    with pytest.raises(Unsupported):
        run_node("ReduceMax", [np.array([1], np.uint64)], 18)


def test_ties_share_the_gradient():
    x = torch.ones(4, requires_grad=True)
    run_node("ReduceMax", [x], 18).backward()
    assert x.grad.tolist() == [0.25] * 4


def test_the_length_of_a_zero_vector_has_gradient_zero():
    x = torch.zeros(3, requires_grad=True)
    run_node("ReduceL2", [x], 18).backward()
    assert x.grad.tolist() == [0, 0, 0]


def test_a_product_with_a_zero_has_its_gradient():
    x = torch.tensor([0.0, 2.0, 3.0], requires_grad=True)
    run_node("ReduceProd", [x], 18).backward()
    assert x.grad.tolist() == [6, 0, 0]
