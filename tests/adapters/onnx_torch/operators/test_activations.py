"""Activations: values of other implementations, slopes, batches, and which torch functions backward rules see."""

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from tests.adapters.onnx_torch.operator_cases import Case, check_batches, check_slopes, check_values, normal
from tests.adapters.onnx_torch.single_node import call_node, make_node, run_node, same_values
from viz.adapters.onnx_torch.operator_table import Unsupported

X = normal(1, 4, 3, 2)
ALWAYS = (7, 9, 11, 13, 18, 23)

CASES = [
    *(Case(op, [X], ALWAYS) for op in "Relu LeakyRelu Elu Selu HardSigmoid Softplus Softsign Sigmoid Tanh".split()),
    Case("LeakyRelu", [X], ALWAYS, {"alpha": 0.3}),
    Case("Elu", [X], ALWAYS, {"alpha": 2.0}),
    Case("Selu", [X], ALWAYS, {"alpha": 2.0, "gamma": 3.0}),
    Case("HardSigmoid", [X], ALWAYS, {"alpha": 0.5, "beta": 0.6}),
    Case("HardSigmoid", [X * 4], ALWAYS, {"alpha": 1 / 6}, note="of torch"),
    Case("PRelu", [X, normal(1)], (7, 9, 13, 23), note="one slope"),
    Case("PRelu", [X, normal(4, 1, 1)], (9, 13, 23), note="of channels"),
    Case("PRelu", [X, normal(2)], (7, 9, 13, 23), note="of the last axis"),
    Case("PRelu", [X, normal(1, 4, 3, 2, seed=1)], (9, 13, 23), note="of elements"),
    Case("PRelu", [normal(3, 4), normal(4)], (9, 13, 23), note="of features"),
    Case("Celu", [X], (12, 13, 23), {"alpha": 2.0}),
    Case("ThresholdedRelu", [X], (10, 13, 23)),
    Case("ThresholdedRelu", [X], (10, 13, 23), {"alpha": 0.5}),
    Case("HardSwish", [X * 4], (14, 23)),
    Case("Swish", [X], (24,)),
    Case("Swish", [X], (24,), {"alpha": 1.5}),
    Case("Gelu", [X], (20, 23)),
    Case("Gelu", [X], (20, 23), {"approximate": "tanh"}),
    Case("Mish", [X], (18, 23)),
    Case("Shrink", [X], (9, 13, 23), {"bias": 0.3, "lambd": 0.4}),
    Case("Dropout", [X], (7, 10)),
    Case("Dropout", [X, np.float32(0.3), np.array(False)], (13, 23), outputs=2),
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


def test_before_opset_7_slopes_belong_to_channels():
    found = run_node("PRelu", [np.float32([[[-1, 1], [-1, 1]]]), np.float32([2, 3])], 6)
    same_values(found, np.float32([[[-2, 1], [-3, 1]]]))


def test_selu_had_shorter_constants_at_first():
    assert run_node("Selu", [np.float32([1])], 5).item() == pytest.approx(1.0507, abs=1e-7)
    assert run_node("Selu", [np.float32([1])], 6).item() == pytest.approx(1.05070102, abs=1e-7)


def test_the_mask_of_dropout_had_the_type_of_its_input_at_first():
    assert run_node("Dropout", [X], 7, outputs=2)[1].dtype == torch.float32
    assert run_node("Dropout", [X], 10, outputs=2)[1].dtype == torch.bool


@pytest.mark.parametrize(
    ("version", "kept"), [(7, False), (9, False), (10, False), (11, False), (12, True), (22, True)]
)
def test_the_mask_of_dropout_marked_what_is_dropped_before_it_marked_what_is_kept_as_in_onnxruntime(version, kept):
    assert bool((run_node("Dropout", [X], version, outputs=2)[1] == kept).all())


def test_dropping_in_training_mode_is_left_to_the_lower_tiers():
    with pytest.raises(Unsupported):
        run_node("Dropout", [X, np.float32(0.3), np.array(True)], 13)


def test_softplus_is_exact_in_float64_where_torch_itself_cuts_it_off():
    x = 25.0
    assert run_node("Softplus", [np.float64([x])], 22).item() == np.log1p(np.exp(-x)) + x != x


@pytest.mark.parametrize("dtype", [np.uint32, np.int32])
def test_slopes_for_whole_numbers(dtype):
    same_values(run_node("PRelu", [np.array([3, 0], dtype), np.array([5, 5], dtype)], 16), np.array([3, 0], dtype))
    same_values(run_node("PRelu", [np.int32([-3, 1]), np.int32([5, 5])], 16), np.int32([-15, 1]))


class Seen(TorchFunctionMode):
    """Notes which torch functions run, as backward rules do."""

    def __init__(self):
        super().__init__()
        self.functions = set()

    def __torch_function__(self, function, types, arguments=(), keywords=None):
        self.functions.add(function)
        return function(*arguments, **(keywords or {}))


def seen(op, inputs, version=24, constant=(), **attributes):
    node = make_node(op, inputs, version, constant=constant, **attributes)
    with Seen() as mode:
        call_node(node, inputs)
    return mode.functions


@pytest.mark.parametrize(
    ("op", "inputs", "function"),
    [
        ("Relu", [X], functional.relu),
        ("LeakyRelu", [X], functional.leaky_relu),
        ("PRelu", [X, normal(4, 1, 1)], torch.prelu),
        ("PRelu", [X, normal(1)], torch.prelu),
        ("ThresholdedRelu", [X], functional.threshold),
        ("Elu", [X], functional.elu),
        ("Selu", [X], functional.selu),
        ("Celu", [X], functional.celu),
        ("Gelu", [X], torch._C._nn.gelu),
        ("Swish", [X], functional.silu),
        ("HardSwish", [X], functional.hardswish),
        ("Mish", [X], functional.mish),
        ("HardSigmoid", [X], functional.hardsigmoid),
        ("Softplus", [X], torch._C._nn.softplus),
        ("Sigmoid", [X], torch.sigmoid),
        ("Softmax", [X], torch.softmax),
    ],
)
def test_backward_rules_see_the_function_that_a_torch_model_would_call(op, inputs, function):
    assert function in seen(op, inputs)


RECTIFIERS = {
    functional.relu,
    functional.relu6,
    functional.leaky_relu,
    functional.hardtanh,
    functional.threshold,
    torch.relu,
    torch.clamp,
    torch.clamp_min,
    torch.prelu,
    torch.Tensor.clamp,
    torch.Tensor.relu,
}


@pytest.mark.parametrize(
    ("op", "inputs", "attributes"),
    [
        ("HardSigmoid", [X], {}),
        ("Shrink", [X], {}),
        ("PRelu", [X, normal(2)], {}),
        ("Max", [X, X], {}),
        ("Cast", [X], {"to": 17}),
        ("Pad", [X, np.int64([0, 0, 0, 2, 0, 0, 0, 2])], {"mode": "edge"}),
        ("Clip", [X, np.float32(0), np.float32(1)], {}),
    ],
)
def test_backward_rules_see_no_rectifier_where_there_is_none(op, inputs, attributes):
    assert not seen(op, inputs, **attributes) & RECTIFIERS
