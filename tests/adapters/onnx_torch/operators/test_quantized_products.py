"""Products and convolutions of integers: bit for bit as onnxruntime, and where gradients end."""

import numpy as np
import pytest
import torch

from tests.adapters.onnx_torch.single_node import check_against, check_vmap, onnxruntime, reference, run_node

random = np.random.default_rng(0)
HALF_RANGE = 63  # onnxruntime's sums of 8-bit products saturate on CPUs without VNNI when weights use all 8 bits


def unsigned(*shape):
    return random.integers(0, 255, shape, endpoint=True).astype(np.uint8)


def weights(*shape):
    return random.integers(-HALF_RANGE, HALF_RANGE, shape, endpoint=True).astype(np.int8)


IMAGES = unsigned(2, 4, 7, 6)


def test_the_product_of_integers_is_exact():
    found = run_node("MatMulInteger", [np.uint8([[255, 255]]), np.uint8([[255], [255]])], 10)
    assert found.dtype == torch.int32 and found.tolist() == [[2 * 255 * 255]]


def test_matmul_integer_agrees_with_onnxruntime():
    check_against(onnxruntime, "MatMulInteger", [unsigned(3, 4, 5), weights(5, 6)], 10)
    check_against(onnxruntime, "MatMulInteger", [unsigned(3, 4, 5), weights(5, 6), np.uint8(99), np.int8(3)], 10)
    check_against(onnxruntime, "MatMulInteger", [unsigned(4, 5), weights(5, 6), np.uint8(9), weights(6)], 10)


def test_a_zero_point_for_each_row():
    found = run_node("MatMulInteger", [np.uint8([[5, 5], [7, 7]]), np.int8([[1], [1]]), np.uint8([5, 6])], 10)
    assert found.tolist() == [[0], [2]]


@pytest.mark.parametrize("kernel_point", [np.uint8(7), None])
def test_conv_integer_agrees_with_onnxruntime(kernel_point):
    inputs = [IMAGES, unsigned(6, 2, 3, 3), np.uint8(120), kernel_point]
    check_against(onnxruntime, "ConvInteger", inputs, 10, pads=[1, 1, 0, 1], strides=[2, 1], group=2)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("with_bias", [False, True])
def test_qlinear_conv_agrees_with_onnxruntime(per_channel, with_bias):
    scale = np.float32([0.03, 0.02, 0.011, 0.04]) if per_channel else np.float32(0.02)
    point = np.zeros(4, np.int8) if per_channel else np.int8(0)
    bias = [random.integers(-900, 900, 4).astype(np.int32)] if with_bias else []
    inputs = [IMAGES, np.float32(0.05), np.uint8(120), weights(4, 4, 3, 3), scale, point, np.float32(0.7), np.uint8(99)]
    check_against(onnxruntime, "QLinearConv", [*inputs, *bias], 10, pads=[1, 1, 1, 1])
    check_against(onnxruntime, "QLinearConv", [*inputs, *bias], 10, auto_pad="SAME_UPPER", strides=[2, 2])


@pytest.mark.parametrize("per_column", [False, True])
def test_qlinear_matmul_agrees_with_onnxruntime(per_column):
    scale = random.uniform(0.01, 0.1, 6).astype(np.float32) if per_column else np.float32(0.03)
    point = np.zeros(6, np.int8) if per_column else np.int8(3)
    left, right = [unsigned(3, 4, 5), np.float32(0.05), np.uint8(120)], [weights(5, 6), scale, point]
    check_against(onnxruntime, "QLinearMatMul", [*left, *right, np.float32(0.7), np.uint8(99)], 21)


@pytest.mark.parametrize("x", [[-1.0, 0.3, 7.0], [0.5, 2.0, 3.0], [-4.0, -2.0, -1.0], [0.0, 0.0, 0.0]], ids=str)
def test_dynamic_quantization_agrees_with_onnxruntime(x):
    check_against(onnxruntime, "DynamicQuantizeLinear", [np.float32([x])], 11, outputs=3)


def test_dynamic_quantization_agrees_with_onnx():
    x = random.standard_normal((3, 4)).astype(np.float32)
    check_against(reference, "DynamicQuantizeLinear", [x], 11, outputs=3)


def test_numbers_of_a_straight_through_quantizer_are_taken_and_the_gradient_ends():
    plain = [IMAGES, weights(4, 4, 3, 3), np.uint8(120), np.int8(0)]
    carried = torch.from_numpy(IMAGES).float().requires_grad_()
    found = run_node("ConvInteger", [carried, *plain[1:]], 10)
    assert not found.requires_grad
    torch.testing.assert_close(found, run_node("ConvInteger", plain, 10))


def test_a_vmapped_batch_equals_the_loop():
    check_vmap("ConvInteger", [IMAGES, weights(4, 4, 3, 3), np.uint8(3)], 10)
    check_vmap("DynamicQuantizeLinear", [random.standard_normal((3, 4)).astype(np.float32)], 11, outputs=3)
