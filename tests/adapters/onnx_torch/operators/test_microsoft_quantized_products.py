"""onnxruntime's quantized products: the same integers, the same real numbers."""

import numpy as np
import pytest
import torch

from tests.adapters.onnx_torch.single_node import (
    call_node,
    check_against,
    check_gradient,
    make_node,
    onnxruntime,
    run_node,
)
from viz.adapters.onnx_torch.operator_table import MICROSOFT, Unsupported

random = np.random.default_rng(0)
HALF_RANGE = 63  # see test_quantized_products
SCALE, CLOSE = np.float32(0.05), {"rtol": 1e-4, "atol": 1e-4}


def numbers(kind, *shape):
    limits = np.iinfo(kind)
    return random.integers(limits.min, limits.max, shape, endpoint=True).astype(kind)


def weights(*shape):
    return random.integers(-HALF_RANGE, HALF_RANGE, shape, endpoint=True).astype(np.int8)


def scales(*shape):
    return random.uniform(0.01, 0.1, shape).astype(np.float32)


def values(*shape):
    return random.standard_normal(shape).astype(np.float32)


@pytest.fixture(params=[np.uint8(120), np.int8(-5)], ids=["uint8", "int8"])
def point(request):
    return request.param


def check(name, inputs, **attributes):
    check_against(onnxruntime, name, inputs, 1, MICROSOFT, **attributes)


@pytest.mark.parametrize("channels_last", [0, 1])
def test_convolution_in_both_layouts(point, channels_last):
    images = numbers(point.dtype, 2, 6, 6, 6)
    kernel = [weights(4, 6, 3, 3), scales(4), np.zeros(4, np.int8)]
    bias = numbers(np.int16, 4).astype(np.int32)
    inputs = [images, SCALE, point, *kernel, np.float32(0.9), point, bias]
    check("QLinearConv", inputs, channels_last=channels_last, pads=[1, 1, 0, 1], strides=[2, 1])


@pytest.mark.parametrize("how", [{}, {"alpha": 0.5}], ids=str)
def test_gemm(point, how):
    bias = numbers(np.int16, 6).astype(np.int32)
    left = [numbers(point.dtype, 4, 5), SCALE, point]
    check("QGemm", [*left, weights(5, 6), SCALE, np.int8(3), bias, np.float32(0.7), point], **how)
    columns = [weights(6, 5), scales(6), np.zeros(6, np.int8)]
    check("QGemm", [*left, *columns, bias], transB=1, **CLOSE, **how)
    check("QGemm", [np.ascontiguousarray(left[0].T), SCALE, point, *columns, bias], transA=1, transB=1, **CLOSE, **how)


def test_products_of_integers_as_real_numbers(point):
    right, bias = weights(5, 6), values(6)
    a = numbers(point.dtype, 4, 5)
    check("MatMulIntegerToFloat", [a, right, SCALE, scales(6), point, np.zeros(6, np.int8), bias], **CLOSE)
    check("MatMulIntegerToFloat", [a, right, SCALE, SCALE], **CLOSE)


def test_products_quantized_on_the_way():
    right = weights(5, 6)
    check("DynamicQuantizeMatMul", [values(3, 4, 5), right, scales(6), None, values(6)], **CLOSE)
    check("DynamicQuantizeMatMul", [values(3, 4, 5), right, SCALE, np.int8(3)], **CLOSE)


@pytest.mark.parametrize("mask", [None, np.int32([3, 5])], ids=["", "mask"])
def test_attention(mask):
    inputs = [numbers(np.uint8, 2, 5, 16), weights(16, 48), values(48), np.float32(0.01), np.float32(0.01), mask]
    check("QAttention", [*inputs, np.uint8(120), np.int8(0)], num_heads=4, **CLOSE)
    check("QAttention", [*inputs, np.uint8(120), np.int8(0)], num_heads=4, unidirectional=1, **CLOSE)


def packed_weights(bits, size, width=40, columns=6):
    blocks = -(-width // size)
    found = [numbers(np.uint8, columns, blocks, size * bits // 8), scales(columns, blocks)]
    return found, numbers(np.uint8, columns, -(-blocks * bits // 8)), {"K": width, "N": columns}


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("size", [16, 32])
def test_weights_of_a_few_bits(bits, size):
    weight, points, how = packed_weights(bits, size)
    how |= {"bits": bits, "block_size": size}
    check("MatMulNBits", [values(3, 40), *weight], **how, rtol=1e-3, atol=1e-3)
    check("MatMulNBits", [values(3, 40), *weight, points], **how, rtol=1e-3, atol=1e-3)


def test_two_numbers_in_a_byte_the_low_one_first():
    one = np.ones((1, 1), np.float32)
    identity = np.eye(16, dtype=np.float32)
    found = run_node("MatMulNBits", [identity, np.uint8([[[0x98] * 8]]), one], 1, MICROSOFT, K=16, N=1, block_size=16)
    assert found.flatten().tolist() == [0, 1] * 8


def test_gradients_pass_weights_of_a_few_bits():
    weight, points, how = packed_weights(4, 16, width=16, columns=2)
    check_gradient("MatMulNBits", [values(3, 16), *weight, points], 1, MICROSOFT, wrt=[0], block_size=16, **how)
    with pytest.raises(Unsupported, match="reordered"):
        run_node("MatMulNBits", [values(3, 16), *weight, None, np.int32([0] * 16)], 1, MICROSOFT, block_size=16, **how)


def test_constant_weights_are_unpacked_once():
    weight, _, how = packed_weights(4, 16)
    inputs = [values(3, 40), *weight]
    node = make_node("MatMulNBits", inputs, 1, MICROSOFT, constant=[1, 2], block_size=16, **how)
    first = call_node(node, inputs)
    changed = [inputs[0], np.zeros_like(weight[0]), weight[1]]  # a constant does not change: it is not read again
    torch.testing.assert_close(call_node(node, changed), first)
