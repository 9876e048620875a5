"""Concat, Split and Slice: values of other implementations, slopes, batches, and bounds beyond the ends."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.onnx_torch.operator_cases import Case, check_batches, check_slopes, check_values, ints, normal
from tests.adapters.onnx_torch.single_node import run_node, same_values
from viz.core.errors import ModelError

X = normal(5, 6)
LARGE = 2**31 - 1

CASES = [
    Case("Concat", [X, normal(5, 2, seed=1)], (7, 11, 13, 23), {"axis": 1}, mapped=(0, 1)),
    Case("Concat", [X, normal(2, 6, seed=1)], (11, 13, 23), {"axis": -2}),
    Case("Concat", [X], (7, 13, 23), {"axis": 0}, note="of one"),
    Case("Split", [X], (7, 11), {"axis": 1}, outputs=3),
    Case("Split", [X], (7, 11), {"split": [2, 3]}, outputs=2),
    Case("Split", [X, ints(1, 5)], (13, 23), {"axis": -1}, outputs=2),
    Case("Split", [X], (13,), {"axis": 1}, outputs=2),
    Case("Split", [X], (18, 23), {"num_outputs": 3}, outputs=3),
    Case("Slice", [X], (7, 9), {"starts": [1, -3], "ends": [4, LARGE]}),
    Case("Slice", [X], (7, 9), {"starts": [1], "ends": [-1], "axes": [1]}),
    Case("Slice", [X, ints(1, -3), ints(4, LARGE)], (10, 11, 13, 23)),
    Case("Slice", [X, ints(1), ints(LARGE), ints(-1), ints(2)], (10, 13, 23), note="steps"),
    Case("Slice", [X, ints(-1), ints(-LARGE), ints(0), ints(-1)], (10, 13, 23), note="backwards"),
    Case("Slice", [X, ints(LARGE), ints(-LARGE), ints(1), ints(-4)], (10, 13, 23), note="backwards in steps"),
    Case("Slice", [X, ints(4, 1), ints(0, 5), ints(1, 0), ints(-2, 1)], (10, 13, 23), note="both ways"),
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


@given(
    start=st.integers(-8, 8),
    end=st.one_of(st.integers(-8, 8), st.sampled_from([LARGE, -LARGE])),
    step=st.integers(-3, 3).filter(bool),
)
def test_any_slice_is_the_one_that_clamping_index_by_index_gives(start, end, step):
    """The slow twin: the standard's own words, start and end clamped, then one index after the other."""
    size = 5
    first = min(max(start + size if start < 0 else start, 0), size if step > 0 else size - 1)
    last = min(max(end + size if end < 0 else end, 0 if step > 0 else -1), size)
    wanted = []
    while first < last if step > 0 else first > last:
        wanted.append(first)
        first += step
    assert run_node("Slice", [np.arange(size), ints(start), ints(end), ints(0), ints(step)], 13).tolist() == wanted


def test_nothing_may_be_left():
    assert run_node("Slice", [X, ints(3), ints(1), ints(0)], 13).shape == (0, 6)


def test_one_tensor_is_not_copied():
    x = torch.ones(2)
    assert run_node("Concat", [x], 13, axis=0) is x
    assert run_node("Slice", [x, ints(0), ints(1)], 13).data_ptr() == x.data_ptr()


def test_channels_were_put_together_by_default_at_first():
    assert run_node("Concat", [X, X], 1).shape == (5, 12)


def test_parts_that_do_not_come_out_even_are_an_error_before_opset_18_and_a_smaller_last_part_since():
    with pytest.raises(ModelError, match="cannot cut 5 into 2"):
        run_node("Split", [X], 13, outputs=2)
    assert [len(part) for part in run_node("Split", [X], 18, outputs=2, num_outputs=2)] == [3, 2]


def test_types_without_arithmetic_are_put_together():
    same_values(run_node("Concat", [ints(1, dtype=np.uint16), ints(2, dtype=np.uint16)], 13, axis=0), np.uint16([1, 2]))
