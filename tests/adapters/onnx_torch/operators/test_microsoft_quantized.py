"""onnxruntime's quantized operators: the same integers as onnxruntime gives."""

import numpy as np
import pytest
import torch

from tests.adapters.onnx_torch.single_node import check_against, check_vmap, onnxruntime, run_node
from viz.adapters.onnx_torch.element_types import to_numpy
from viz.adapters.onnx_torch.operator_table import MICROSOFT

random = np.random.default_rng(0)
KINDS = [np.uint8(120), np.int8(-5)]


def numbers(kind, *shape):
    limits = np.iinfo(kind)
    return random.integers(limits.min, limits.max, shape, endpoint=True).astype(kind)


def scale(value):
    return np.float32(value)


@pytest.fixture(params=KINDS, ids=["uint8", "int8"])
def point(request):
    return request.param


def check(name, inputs, **attributes):
    check_against(onnxruntime, name, inputs, 1, MICROSOFT, **attributes)


def check_to_one_step(name, inputs, **attributes):
    """Where onnxruntime sums in float32 in an order of its own, halves may round either way."""
    ours = to_numpy(run_node(name, inputs, 1, MICROSOFT, **attributes)).astype(int)
    theirs = onnxruntime(name, inputs, 1, MICROSOFT, **attributes).astype(int)
    assert ours.shape == theirs.shape
    assert abs(ours - theirs).max() <= 1 and (ours != theirs).mean() < 0.05


@pytest.mark.parametrize("name", ["QLinearAdd", "QLinearMul"])
@pytest.mark.parametrize("shape", [(3, 4, 5), (5,), (4, 1)], ids=str)
def test_sums_and_products(name, point, shape):
    left, right = numbers(point.dtype, 3, 4, 5), numbers(point.dtype, *shape)
    check(name, [left, scale(0.0217), point, right, scale(0.033), point, scale(0.0512), point])


def test_a_sum_by_hand():
    found = run_node(
        "QLinearAdd", [np.uint8([3, 200]), scale(1), None, np.uint8([4, 200]), scale(0.5), None, scale(1)], 1, MICROSOFT
    )
    assert found.dtype == torch.uint8 and found.tolist() == [5, 255]


def test_functions_of_one_number(point):
    x = numbers(point.dtype, 3, 40)
    check("QLinearSigmoid", [x, scale(0.05), point, scale(1 / 256), point])
    check("QLinearLeakyRelu", [x, scale(0.05), point, scale(0.04), point], alpha=0.1)


@pytest.mark.parametrize("channels_last", [0, 1])
def test_pools(point, channels_last):
    inputs = [numbers(point.dtype, 2, 6, 6, 6), scale(0.05), point, scale(0.04), point]
    check("QLinearGlobalAveragePool", inputs, channels_last=channels_last)
    window = {"kernel_shape": [3, 2], "strides": [2, 2], "channels_last": channels_last}
    check_to_one_step("QLinearAveragePool", inputs, **window)
    check_to_one_step("QLinearAveragePool", inputs, pads=[1, 1, 1, 1], **window)


def test_concatenation_and_choice(point):
    a, b = numbers(point.dtype, 2, 3, 4), numbers(point.dtype, 2, 5, 4)
    check("QLinearConcat", [scale(0.04), point, a, scale(0.05), point, b, scale(0.02), point], axis=1)
    choice = random.random((2, 3, 4)) > 0.5
    check("QLinearWhere", [choice, a, scale(0.02), point, a[::-1], scale(0.03), point, scale(0.05), point])


@pytest.mark.parametrize(
    "how", [{"opset": 13, "axis": -1}, {"opset": 13, "axis": 1}, {"opset": 11, "axis": 1}], ids=str
)
@pytest.mark.parametrize("step", [1 / 256, 0.0067], ids=["usual", "calibrated"])
def test_softmax(point, how, step):
    check("QLinearSoftmax", [numbers(point.dtype, 3, 4, 5), scale(0.05), point, scale(step), point], **how)


def test_no_gradient_leaves_them():
    x = torch.full((2, 3), 7.0, requires_grad=True)  # integers as a straight-through quantizer carries them
    found = run_node("QLinearSigmoid", [x, scale(0.05), np.uint8(0), scale(1 / 256), np.uint8(0)], 1, MICROSOFT)
    assert not found.requires_grad and found.dtype == torch.uint8


def test_a_vmapped_batch_equals_the_loop(point):
    inputs = [numbers(point.dtype, 2, 6, 6, 6), scale(0.05), point, scale(0.04), point]
    check_vmap("QLinearGlobalAveragePool", inputs, 1, MICROSOFT)
