"""Looking up by index: values of other implementations, slopes, batches, indices from the end."""

import numpy as np
import pytest
import torch

from tests.adapters.onnx_torch.operator_cases import Case, check_batches, check_slopes, check_values, ints, normal
from tests.adapters.onnx_torch.single_node import call_node, check_vmap, make_node, reference, run_node, same_values

X = normal(3, 4, 2)
PLACES = np.array([[0, 2], [-1, 1]])
HOT = np.float32([0.25, 4.0])

CASES = [
    Case("Gather", [X, PLACES], (11, 13, 23)),
    Case("Gather", [X, ints(0, 2, 1)], (7, 11, 13, 23), {"axis": 1}),
    Case("Gather", [X, np.int64(-1)], (11, 13, 23), {"axis": -1}, note="one"),
    Case("GatherElements", [X[..., 0], PLACES], (11, 13, 23), {"axis": 1}, runtime=True),
    Case("GatherElements", [X[..., 0], PLACES], (11, 13, 23), runtime=True),
    Case("GatherND", [X, PLACES], (12, 13, 23)),
    Case("GatherND", [X, np.array([[[1]], [[-2]], [[0]]])], (12, 13, 23), {"batch_dims": 1}),
    Case("GatherND", [normal(2, 2, 3, 2), np.zeros((2, 2, 1, 2), np.int64)], (12, 13, 23), {"batch_dims": 2}),
    Case("OneHot", [ints(0, 2, -1, 7), np.int64(3), HOT], (11, 13, 23), mapped=(2,)),
    Case("OneHot", [PLACES, ints(3), HOT], (11, 13, 23), {"axis": 1}, mapped=(0, 2), runtime=True),
    Case("ReverseSequence", [X, ints(1, 3, 2, 1)], (10, 13, 23)),
    Case("ReverseSequence", [X, ints(4, 2, 3)], (10, 13, 23), {"batch_axis": 0, "time_axis": 1}),
]
UNBATCHED = [
    Case("Compress", [X, np.array([True, False, True])], (9, 11, 13, 23), {"axis": 0}),
    Case("Compress", [X, np.array([True, False, True, True])], (9, 11, 13, 23)),
]


@pytest.mark.parametrize("case", CASES + UNBATCHED, ids=str)
def test_values_are_those_of_other_implementations(case):
    check_values(case)


@pytest.mark.parametrize("case", CASES + UNBATCHED, ids=str)
def test_gradients_are_central_differences(case):
    check_slopes(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_batch_is_the_loop_over_its_items(case):
    check_batches(case)


@pytest.mark.parametrize("op", ["Gather", "GatherElements", "GatherND"])
def test_indices_may_depend_on_the_image(op):
    check_vmap(op, [X[..., 0], PLACES], 13, mapped=(1,))
    check_vmap(op, [X[..., 0], PLACES], 13, mapped=(0, 1))


@pytest.mark.parametrize("index", [np.int64(-1), np.int64(1), ints(-1, 0), PLACES])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_constant_indices_give_the_same_as_computed_ones(index, axis):
    inputs = [X[:, :2], index % 2 if axis else index]
    found = call_node(make_node("Gather", inputs, 13, constant=[1], axis=axis), inputs)
    same_values(found, reference("Gather", inputs, 13, axis=axis))


def test_constant_indices_from_the_end_are_worked_out_again_for_another_size():
    node = make_node("Gather", [X, ints(-1)], 13, constant=[1])
    assert call_node(node, [np.arange(3), ints(-1)]).tolist() == [2]
    assert call_node(node, [np.arange(5), ints(-1)]).tolist() == [4]


def test_a_single_constant_index_copies_nothing():
    x = torch.arange(6).reshape(2, 3)
    inputs = [x, torch.tensor(1)]
    assert call_node(make_node("Gather", inputs, 13, constant=[1]), inputs).data_ptr() == x[1].data_ptr()


def test_types_without_arithmetic_are_looked_up():
    x = np.uint16([[1, 2], [3, 4]])
    same_values(run_node("Gather", [x, ints(1)], 13), np.uint16([[3, 4]]))
    same_values(run_node("GatherElements", [x, np.array([[1, 0]])], 13), np.uint16([[3, 2]]))


def test_depth_and_indices_of_one_hot_may_be_floats():
    found = run_node("OneHot", [np.float32([1, -1]), np.float32(2), np.int32([0, 1])], 13)
    same_values(found, np.int32([[0, 1], [0, 1]]))
