"""Shapes: values of other implementations, slopes, batches, and the odd sizes of Reshape."""

import numpy as np
import pytest
import torch

from tests.adapters.onnx_torch.operator_cases import Case, check_batches, check_slopes, check_values, ints, normal
from tests.adapters.onnx_torch.single_node import call_node, make_node, run_node, same_values
from viz.core.errors import ModelError

X = normal(2, 3, 4)
ONES = normal(1, 3, 1, 2)
IMAGE = normal(1, 8, 2, 3)

CASES = [
    Case("Reshape", [X, ints(4, 6)], (7, 13, 14, 23)),
    Case("Reshape", [X, ints(0, -1)], (7, 13, 14, 23), note="kept and remaining"),
    Case("Reshape", [X, ints(-1)], (7, 13, 23), note="to a row"),
    Case("Flatten", [X], (7, 9, 11, 13, 23)),
    *(Case("Flatten", [X], (11, 13, 23), {"axis": axis}, note=str(axis)) for axis in (0, 2, 3, -1)),
    Case("Transpose", [X], (7, 13, 23)),
    Case("Transpose", [X], (7, 13, 23), {"perm": [0, 2, 1]}),
    Case("Squeeze", [ONES], (7, 11)),
    Case("Squeeze", [ONES], (7, 11), {"axes": [0]}),
    Case("Squeeze", [ONES, ints(0, -2)], (13, 23)),
    Case("Unsqueeze", [X], (7, 11), {"axes": [0, 4]}),
    Case("Unsqueeze", [X, ints(-1, 0)], (13, 23)),
    Case("Expand", [normal(3, 1), ints(2, 1, 4)], (8, 13, 23)),
    Case("Expand", [X, ints(1)], (8, 13, 23), note="to less"),
    Case("Tile", [X, ints(1, 2, 3)], (7, 13, 23)),
    Case("DepthToSpace", [IMAGE], (7, 11, 13, 23), {"blocksize": 2}),
    Case("DepthToSpace", [IMAGE], (11, 13, 23), {"blocksize": 2, "mode": "CRD"}),
    Case("SpaceToDepth", [normal(1, 2, 4, 6)], (7, 13, 23), {"blocksize": 2}),
]
SIZES = [
    Case("Shape", [X], (7, 13, 23)),
    Case("Shape", [X], (15, 23), {"start": 1}),
    Case("Shape", [X], (15, 23), {"start": -2, "end": -1}),
    Case("Size", [X], (7, 13, 23)),
]


@pytest.mark.parametrize("case", CASES + SIZES, ids=str)
def test_values_are_those_of_other_implementations(case):
    check_values(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_are_central_differences(case):
    check_slopes(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_batch_is_the_loop_over_its_items(case):
    check_batches(case)


@pytest.mark.parametrize("case", SIZES, ids=str)
def test_inside_vmap_the_shape_is_that_of_one_item_and_can_be_read(case):
    read = []

    def look(x):
        found = call_node(make_node(case.op, [x], 23, **case.attributes), [x])
        read.append(found.tolist())
        return x

    torch.vmap(look)(torch.zeros(5, *X.shape))
    assert read == [run_node(case.op, [X], 23, **case.attributes).tolist()]


@pytest.mark.parametrize(
    ("old", "sizes", "allowzero", "new"),
    [
        ((0, 3), [0, -1], 0, (0, 3)),
        ((0, 3, 2), [0, -1], 0, (0, 6)),
        ((0, 4), [-1, 4], 0, (0, 4)),
        ((0, 2, 3), [3, 0, 7], 1, (3, 0, 7)),
        ((4, 6), [0, 2, 3], 0, (4, 2, 3)),
    ],
)
def test_sizes_of_nothing_and_sizes_that_are_kept(old, sizes, allowzero, new):
    found = run_node("Reshape", [np.zeros(old, np.float32), ints(*sizes)], 14, allowzero=allowzero)
    assert found.shape == new


def test_a_constant_shape_is_read_once():
    inputs = [torch.zeros(4, 6), torch.tensor([6, 4])]
    node = make_node("Reshape", inputs, 13, constant=[1])
    assert call_node(node, inputs).shape == (6, 4)
    inputs[1].fill_(-7)
    assert call_node(node, inputs).shape == (6, 4)


def test_shapes_were_attributes_at_first():
    assert run_node("Reshape", [X], 1, shape=[4, 6]).shape == (4, 6)
    same_values(run_node("Tile", [np.float32([[1, 2]]), np.int64(2), np.int64(1)], 1), np.float32([[1, 2, 1, 2]]))


def test_removing_an_axis_that_is_not_one_is_an_error_that_names_it():
    with pytest.raises(ModelError, match="removes axis 0, which has size 2"):
        run_node("Squeeze", [X, ints(0)], 13)


def test_expanding_copies_nothing():
    x = torch.ones(1, 3)
    assert run_node("Expand", [x, ints(4, 3)], 13).data_ptr() == x.data_ptr()
