"""Writing to places given by index: values of other implementations, slopes, batches, every way to combine."""

import numpy as np
import pytest
import torch

from tests.adapters.onnx_torch.operator_cases import Case, check_batches, check_slopes, check_values, ints, normal
from tests.adapters.onnx_torch.single_node import check_vmap, run_node, same_values
from viz.adapters.onnx_torch.operator_table import Unsupported

X = normal(4, 5)
PLACES = np.array([[0, 2, -1], [3, 1, 0]])
TWICE = np.array([[1, 1, 1], [2, 2, 2]])
UPDATES = normal(2, 3, seed=1)
ROWS, ROW_UPDATES = np.array([[3], [-4]]), normal(2, 5, seed=1)
CELLS, CELL_UPDATES = np.array([[3, 1], [0, -1], [3, 1]]), normal(3, seed=1)
WAYS = ["add", "mul", "max", "min"]

CASES = [
    Case("Scatter", [X, np.abs(PLACES), UPDATES], (9,), mapped=(0, 2)),
    Case("ScatterElements", [X, PLACES, UPDATES], (11, 13, 23), mapped=(0, 2)),
    Case("ScatterElements", [X, PLACES, UPDATES], (11, 13, 23), {"axis": 1}, mapped=(2,)),
    *(Case("ScatterElements", [X, TWICE, UPDATES], (18, 23), {"reduction": way}, note=way) for way in WAYS),
    Case("ScatterND", [X, ROWS, ROW_UPDATES], (11, 13, 23), mapped=(0, 2)),
    Case("ScatterND", [X, CELLS[:2], CELL_UPDATES[:2]], (11, 13, 23), mapped=(2,)),
    *(Case("ScatterND", [X, ROWS, ROW_UPDATES], (18, 23), {"reduction": way}, note=f"{way} rows") for way in WAYS),
    *(Case("ScatterND", [X, CELLS, CELL_UPDATES], (18, 23), {"reduction": way}, note=f"{way} cells") for way in WAYS),
    Case("TensorScatter", [normal(2, 4, 3), normal(2, 2, 3, seed=1), ints(1, 2)], (24,), mapped=(0, 1)),
    Case("TensorScatter", [normal(2, 4, 3), normal(2, 2, 3, seed=1), ints(1, 3)], (24,), {"mode": "circular"}),
    Case("TensorScatter", [normal(2, 4, 3), normal(2, 2, 3, seed=1)], (24,), note="from the start"),
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


@pytest.mark.parametrize("op", ["ScatterElements", "ScatterND"])
def test_indices_may_depend_on_the_image(op):
    inputs = [X, PLACES, UPDATES] if op == "ScatterElements" else [X, CELLS[:2], CELL_UPDATES[:2]]
    check_vmap(op, inputs, 18, mapped=(1,))


def test_what_is_written_to_stays_as_it_was():
    x = torch.zeros(3)
    run_node("ScatterElements", [x, ints(1), np.float32([5])], 18)
    run_node("ScatterND", [x, np.array([[1]]), np.float32([5])], 18)
    assert x.tolist() == [0, 0, 0]


def test_types_without_arithmetic_are_written():
    x = ints(1, 2, 3, dtype=np.uint16)
    same_values(run_node("ScatterElements", [x, ints(1), ints(9, dtype=np.uint16)], 18), ints(1, 9, 3, dtype=np.uint16))


def test_an_unknown_way_to_combine_is_left_to_the_lower_tiers():
    with pytest.raises(Unsupported, match="'median'"):
        run_node("ScatterElements", [X, PLACES, UPDATES], 18, reduction="median")
