"""Running sums and products: values of other implementations, slopes and batches."""

import numpy as np
import pytest

from tests.adapters.onnx_torch.operator_cases import Case, check_batches, check_slopes, check_values, ints, normal
from tests.adapters.onnx_torch.single_node import run_node, same_values

X = normal(2, 3)
WAYS = [{}, {"exclusive": 1}, {"reverse": 1}, {"exclusive": 1, "reverse": 1}]

CASES = [
    *(Case("CumSum", [X, np.int64(1)], (11, 14, 23), way) for way in WAYS),
    Case("CumSum", [X, np.int64(-2)], (11, 14, 23), note="axis from the end"),
    *(Case("CumProd", [X, np.int64(1)], (26,), way) for way in WAYS),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_are_those_of_other_implementations(case):
    check_values(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_are_central_differences(case):
    check_slopes(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_batch_is_the_loop_over_its_items(case):
    check_batches(case)


@pytest.mark.parametrize("dtype", [np.int32, np.uint32])
def test_whole_numbers_keep_their_type(dtype):
    same_values(run_node("CumSum", [ints(1, 2, 3, dtype=dtype), ints(0)], 14), ints(1, 3, 6, dtype=dtype))


def test_nothing_accumulates_to_nothing():
    empty = np.zeros((2, 0), np.float32)
    same_values(run_node("CumSum", [empty, ints(1)], 14, exclusive=1), empty)
