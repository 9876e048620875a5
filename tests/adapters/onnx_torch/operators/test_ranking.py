"""ArgMax, ArgMin and TopK: values of other implementations, and which of equal values counts as first."""

import numpy as np
import pytest

from tests.adapters.onnx_torch.operator_cases import Case, check_batches, check_slopes, check_values, ints, normal
from tests.adapters.onnx_torch.single_node import run_node, same_values

X = normal(3, 4)
TIES = np.float32([[2, 1, 2, 1]])

POSITIONS = [
    *(Case(op, [X], (7, 11, 13, 23)) for op in ("ArgMax", "ArgMin")),
    *(Case(op, [X], (11, 13, 23), {"axis": -1, "keepdims": 0}) for op in ("ArgMax", "ArgMin")),
    *(Case(op, [TIES], (12, 13, 23), {"axis": 1}, note="ties") for op in ("ArgMax", "ArgMin")),
    *(Case(op, [TIES], (12, 13, 23), {"axis": 1, "select_last_index": 1}) for op in ("ArgMax", "ArgMin")),
]
LARGEST = [
    Case("TopK", [X], (7, 9), {"k": 2}, outputs=2),
    Case("TopK", [X, ints(2)], (10, 11, 13, 23), outputs=2),
    Case("TopK", [X, ints(2)], (11, 13, 23), {"largest": 0, "axis": 0}, outputs=2),
]


@pytest.mark.parametrize("case", POSITIONS + LARGEST, ids=str)
def test_values_are_those_of_other_implementations(case):
    check_values(case)


@pytest.mark.parametrize("case", LARGEST, ids=str)
def test_gradients_are_central_differences(case):
    check_slopes(case)


@pytest.mark.parametrize("case", POSITIONS + LARGEST, ids=str)
def test_a_batch_is_the_loop_over_its_items(case):
    check_batches(case)


@pytest.mark.parametrize(("largest", "wanted"), [(1, [0, 2, 1]), (0, [1, 3, 0])])
def test_of_equal_values_the_first_ones_come_first(largest, wanted):
    assert run_node("TopK", [TIES, ints(3)], 11, outputs=2, largest=largest)[1].tolist() == [wanted]


@pytest.mark.parametrize("largest", [0, 1])
def test_many_equal_values_stay_in_order(largest):
    assert run_node("TopK", [np.ones(500, np.float32), ints(400)], 11, outputs=2, largest=largest)[1].tolist() == [
        *range(400)
    ]


def test_unsigned_numbers_keep_their_type_and_their_indices_are_int64():
    x = ints(3, 9, 4, dtype=np.uint16)
    values, indices = run_node("TopK", [x, ints(2)], 24, outputs=2)
    same_values(values, ints(9, 4, dtype=np.uint16))
    same_values(indices, ints(1, 2))
    same_values(run_node("ArgMax", [x], 13), ints(1))
