"""Comparisons, logic and Where: values of other implementations, batches, and the way a gradient takes."""

import numpy as np
import pytest
import torch

from tests.adapters.onnx_torch.operator_cases import Case, check_batches, check_slopes, check_values, ints, normal
from tests.adapters.onnx_torch.single_node import run_node, same_values
from viz.adapters.onnx_torch.operator_table import Unsupported

A, B = ints(1, 2, 3).astype(np.float32), ints(2, 2, 2).astype(np.float32)
YES, NO = np.array([[True], [False]]), np.array([True, False])
ODD = np.float32([np.nan, np.inf, -np.inf, 0, 1])

CASES = [
    *(Case(op, [A, B], (9, 13, 23)) for op in "Greater Less".split()),
    Case("Equal", [A, B], (11, 13, 23)),
    *(Case(op, [A, B], (12, 16, 23)) for op in "GreaterOrEqual LessOrEqual".split()),
    *(Case(op, [YES, NO], (7, 13, 23)) for op in "And Or Xor".split()),
    Case("Not", [NO], (7, 13, 23)),
    Case("IsNaN", [ODD], (9, 13, 23)),
    Case("IsInf", [ODD], (10, 20, 23)),
    Case("IsInf", [ODD], (10, 20, 23), {"detect_negative": 0}),
    Case("IsInf", [ODD], (10, 20, 23), {"detect_positive": 0}),
]
WHERE = Case("Where", [YES, normal(2, 3), normal(3, seed=1)], (9, 16, 23), mapped=(1,))


@pytest.mark.parametrize("case", [*CASES, WHERE], ids=str)
def test_values_are_those_of_other_implementations(case):
    check_values(case)


@pytest.mark.parametrize("case", [*CASES, WHERE], ids=str)
def test_a_batch_is_the_loop_over_its_items(case):
    check_batches(case)


def test_gradients_are_central_differences():
    check_slopes(WHERE)


def test_nothing_of_the_branch_that_was_not_taken_reaches_the_gradient():
    x = torch.tensor([0.0, 2.0], requires_grad=True)
    run_node("Where", [x > 0, run_node("Log", [x], 13), x], 16).sum().backward()
    assert x.grad.tolist() == [1.0, 0.5]


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_unsigned_numbers_are_compared_and_chosen(dtype):
    a, b = ints(1, 5, dtype=dtype), ints(3, 3, dtype=dtype)
    assert run_node("Greater", [a, b], 13).tolist() == [False, True]
    assert run_node("Equal", [a, a], 13).tolist() == [True, True]
    same_values(run_node("Where", [NO, a, b], 16), ints(1, 3, dtype=dtype))


def test_the_upper_half_of_uint64_is_told_apart_but_not_ordered():
    small, big = np.array([5], np.uint64), np.array([2**63 + 5], np.uint64)
    assert run_node("Equal", [small, big], 13).tolist() == [False]
    with pytest.raises(Unsupported):
        run_node("Less", [small, big], 13)


def test_before_opset_7_an_axis_says_where_the_second_one_lies():
    found = run_node("Greater", [np.float32([[1, 2], [1, 2]]), np.float32([0, 3])], 6, broadcast=1, axis=0)
    assert found.tolist() == [[True, True], [False, False]]
