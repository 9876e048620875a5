"""NonZero, Unique and Trilu: values of other implementations, orders, and types without arithmetic."""

import numpy as np
import pytest

from tests.adapters.onnx_torch.operator_cases import Case, check_batches, check_slopes, check_values, ints, normal
from tests.adapters.onnx_torch.single_node import check_against, reference, run_node, same_values

X = normal(2, 3, 4)
REPEATED = np.float32([[2, 1, 1], [3, 4, 3], [2, 1, 1]])

TRIANGLES = [
    *(Case("Trilu", [X], (14, 18, 23), {"upper": upper}, note=str(upper)) for upper in (0, 1)),
    *(Case("Trilu", [X, np.int64(k)], (14, 18, 23), note=f"diagonal {k}") for k in (-1, 2, 9)),
]
FOUND = [
    Case("NonZero", [np.float32([[0, 1], [2, 0]])], (9, 13, 23)),
    Case("NonZero", [np.array([True, False, True])], (9, 13, 23)),
    Case("Unique", [REPEATED], (13, 23), outputs=4),
    Case("Unique", [REPEATED], (13, 23), {"sorted": 0}, outputs=4, runtime=True),
    Case("Unique", [REPEATED], (13, 23), {"axis": 0}, outputs=4),
    Case("Unique", [REPEATED], (13, 23), {"axis": 0, "sorted": 0}, outputs=4),
    Case("Unique", [REPEATED], (13, 23), {"axis": 1}, outputs=4),
]


@pytest.mark.parametrize("case", TRIANGLES + FOUND, ids=str)
def test_values_are_those_of_other_implementations(case):
    check_values(case)


@pytest.mark.parametrize("case", TRIANGLES, ids=str)
def test_gradients_are_central_differences(case):
    check_slopes(case)


@pytest.mark.parametrize("case", TRIANGLES, ids=str)
def test_a_batch_is_the_loop_over_its_items(case):
    check_batches(case)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_a_number_that_is_not_zero_has_no_coordinates(value):
    check_against(reference, "NonZero", [np.float32(value)], 13)


def test_types_without_arithmetic():
    x = ints(0, 3, 3, dtype=np.uint16)
    same_values(run_node("NonZero", [x], 13), np.array([[1, 2]]))
    same_values(run_node("Unique", [x], 13), ints(0, 3, dtype=np.uint16))
    same_values(run_node("Trilu", [np.uint16([[1, 2], [3, 4]])], 14), np.uint16([[1, 2], [0, 4]]))


def test_what_a_triangle_leaves_out_is_zero_even_if_it_was_infinite():
    same_values(run_node("Trilu", [np.float32([[1, 2], [-np.inf, np.nan]])], 14, upper=1)[1, 0], np.float32(0))
