"""Pad: every mode against onnxruntime or onnx's reference, pads that take away, fill values with a gradient."""

import numpy as np
import pytest
import torch

from tests.adapters.onnx_torch.operator_cases import Case, check_batches, check_slopes, check_values, ints, normal
from tests.adapters.onnx_torch.single_node import (
    call_node,
    check_against,
    check_gradient,
    check_vmap,
    make_node,
    reference,
    run_node,
    same_values,
)

IMAGE = normal(1, 2, 4, 5)
AROUND = [0, 0, 1, 2, 0, 0, 3, 1]
MODES = ["constant", "reflect", "edge"]

CASES = [
    *(Case("Pad", [IMAGE], (7, 9), {"pads": AROUND, "mode": mode}, note=mode) for mode in MODES),
    Case("Pad", [IMAGE], (7, 9), {"pads": AROUND, "value": 1.5}),
    *(Case("Pad", [IMAGE, ints(*AROUND)], (11, 13, 23), {"mode": mode}, note=mode) for mode in [*MODES]),
    *(
        Case("Pad", [IMAGE, ints(0, 1, 0, 2, 0, 1, 3, 0)], (13, 23), {"mode": mode}, note=f"{mode} also of channels")
        for mode in MODES
    ),
    Case("Pad", [IMAGE, ints(*AROUND)], (19, 23), {"mode": "wrap"}),
    Case("Pad", [IMAGE, ints(0, 0, 6, 0, 0, 0, 0, 7)], (19, 23), {"mode": "wrap"}, note="several times around"),
    Case("Pad", [IMAGE, ints(0, 0, 9, 0, 0, 0, 0, 11)], (18, 23), {"mode": "reflect"}, note="several times"),
    Case("Pad", [IMAGE, ints(0, 0, 4, 0, 0, 0, 0, 0)], (18, 23), {"mode": "reflect"}, note="as far as it is wide"),
    Case("Pad", [IMAGE, ints(1, 2), None, ints(-1)], (18, 23), note="one axis"),
    Case("Pad", [IMAGE, ints(1, 2), None, ints(3)], (18, 23), {"mode": "reflect"}, note="one axis"),
    Case("Pad", [IMAGE, ints(*AROUND)], (13, 23), {"mode": "constant"}, wrt=[0]),
    Case("Pad", [IMAGE, ints(0, 0, 0, 0, 0, 0, 0, 0)], (13, 23), note="none"),
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


@pytest.mark.parametrize("mode", MODES)
def test_negative_pads_take_away(mode):
    inputs = [np.arange(1, 6, dtype=np.float32), ints(-1, 2)]
    added = {"constant": [0, 0], "reflect": [4, 3], "edge": [5, 5]}[mode]
    same_values(run_node("Pad", inputs, 13, mode=mode), np.float32([2, 3, 4, 5, *added]))
    same_values(run_node("Pad", [inputs[0], ints(0, -2)], 13, mode=mode), np.float32([1, 2, 3]))


def test_a_single_value_is_reflected_as_itself():
    same_values(run_node("Pad", [np.float32([7]), ints(2, 1)], 13, mode="reflect"), np.float32([7] * 4))


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint8, np.uint16, bool])
@pytest.mark.parametrize("constant", [(), (1, 2)])
def test_a_fill_value_of_every_type(dtype, constant):
    inputs = [np.array([[1, 0]], dtype), ints(0, 1, 1, 0), np.array(1, dtype)]
    wanted = np.array([[1, 1, 0], [1, 1, 1]], dtype)
    same_values(call_node(make_node("Pad", inputs, 13, constant=constant), inputs), wanted)


def test_a_fill_value_that_the_model_computes_gets_its_share_of_the_gradient():
    inputs = [normal(1, 3), ints(0, 1, 0, 2), np.float32([0.7])]
    check_against(reference, "Pad", inputs, 13)
    check_gradient("Pad", inputs, 13)
    check_vmap("Pad", inputs, 13, mapped=(0, 2))


def test_pads_were_called_paddings_at_first():
    same_values(run_node("Pad", [np.float32([1])], 1, paddings=[1, 0], value=2.0), np.float32([2, 1]))


def test_nothing_is_copied_where_nothing_is_added():
    x = torch.ones(2)
    assert run_node("Pad", [x, ints(0, 0)], 13) is x
