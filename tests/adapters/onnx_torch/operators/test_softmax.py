"""Softmax and its family: over one axis since opset 13, before that over all axes from one on."""

import numpy as np
import pytest

from tests.adapters.onnx_torch.operator_cases import Case, check_batches, check_slopes, check_values, normal
from tests.adapters.onnx_torch.single_node import run_node, same_values

X = normal(2, 3, 4)

SMOOTH = [
    *(Case(op, [X], (7, 11, 13, 23)) for op in ("Softmax", "LogSoftmax")),
    *(
        Case(op, [X], (11, 13, 23), {"axis": axis}, note=str(axis))
        for op in ("Softmax", "LogSoftmax")
        for axis in (0, 1, 2, -1, -2)
    ),
]
STEPPED = [Case("Hardmax", [X], (7, 11, 13, 23), {"axis": axis}, note=str(axis)) for axis in (0, 1, 2)]


@pytest.mark.parametrize("case", SMOOTH + STEPPED, ids=str)
def test_values_are_those_of_other_implementations(case):
    check_values(case)


@pytest.mark.parametrize("case", SMOOTH, ids=str)
def test_gradients_are_central_differences(case):
    check_slopes(case)


@pytest.mark.parametrize("case", SMOOTH + STEPPED, ids=str)
def test_a_batch_is_the_loop_over_its_items(case):
    check_batches(case)


def test_an_image_of_scores_was_one_distribution_before_opset_13():
    x = np.zeros((1, 2, 2, 2), np.float32)
    same_values(run_node("Softmax", [x], 12), np.full((1, 2, 2, 2), 1 / 8, np.float32))
    same_values(run_node("Softmax", [x], 13), np.full((1, 2, 2, 2), 1 / 2, np.float32))


def test_the_first_of_the_largest_values_is_the_one():
    same_values(run_node("Hardmax", [np.float32([[1, 3, 3]])], 13), np.float32([[0, 1, 0]]))
