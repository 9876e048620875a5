"""QuantizeLinear and DequantizeLinear: values of onnx and onnxruntime, straight-through gradients."""

import ml_dtypes
import numpy as np
import pytest
import torch

from tests.adapters.onnx_torch.single_node import check_against, check_gradient, onnxruntime, reference, run_node
from viz.adapters.onnx_torch.operator_table import MICROSOFT, Unsupported
from viz.adapters.onnx_torch.operators.quantization import STRAIGHT_THROUGH

random = np.random.default_rng(0)
X = (random.standard_normal((2, 4, 6)) * 3).astype(np.float32)
SCALES = np.float32([0.02, 0.1, 0.5, 0.03])


def test_halves_round_to_even_and_the_ends_are_cut():
    found = run_node("QuantizeLinear", [np.float32([-9, 0.5, 1.5, 2.5, 300]), np.float32(1), np.uint8(1)], 13)
    assert found.dtype == torch.uint8 and found.tolist() == [0, 1, 3, 3, 255]


@pytest.mark.parametrize("kind", [np.uint8, np.int8])
@pytest.mark.parametrize("version", [10, 13, 19, 21])
def test_one_scale_for_all(version, kind):
    quantized = [X, np.float32(0.02), kind(3)]
    check_against(onnxruntime, "QuantizeLinear", quantized, version)
    check_against(onnxruntime, "DequantizeLinear", [quantized_x(kind), np.float32(0.02), kind(3)], version)


@pytest.mark.parametrize("axis", [1, -2])
def test_one_scale_for_each_channel(axis):
    points = np.uint8([0, 100, 128, 255])
    check_against(onnxruntime, "QuantizeLinear", [X, SCALES, points], 13, axis=axis)
    check_against(onnxruntime, "DequantizeLinear", [quantized_x(np.uint8), SCALES, points], 13, axis=axis)


@pytest.mark.parametrize("axis,block", [(1, 2), (2, 3), (2, 4)])
def test_one_scale_for_each_block(axis, block):
    shape = list(X.shape)
    shape[axis] = -(-shape[axis] // block)
    scales = random.uniform(0.05, 0.5, shape).astype(np.float32)
    points = random.integers(0, 255, shape).astype(np.uint8)
    if X.shape[axis] % block == 0:  # onnx's kernel takes whole blocks only
        check_against(reference, "QuantizeLinear", [X, scales, points], 21, axis=axis, block_size=block)
    check_against(
        onnxruntime, "DequantizeLinear", [quantized_x(np.uint8), scales, points], 21, axis=axis, block_size=block
    )


@pytest.mark.parametrize("kind", [np.int16, np.uint16])
def test_sixteen_bits(kind):
    check_against(onnxruntime, "QuantizeLinear", [X, np.float32(0.001), kind(7)], 21)
    check_against(onnxruntime, "DequantizeLinear", [quantized_x(kind), np.float32(0.001), kind(7)], 21)


@pytest.mark.parametrize("kind", [ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, ml_dtypes.float8_e4m3fnuz])
def test_eight_bit_floats(kind):
    zero = np.zeros((), kind)
    check_against(reference, "QuantizeLinear", [X * 100, np.float32(0.5), zero], 19)
    check_against(reference, "DequantizeLinear", [X.astype(kind), np.float32(0.5), zero], 19)


def test_biases_of_32_bits_and_the_default_type():
    check_against(onnxruntime, "DequantizeLinear", [np.int32([-70000, 5]), np.float32(0.01)], 13)
    check_against(onnxruntime, "QuantizeLinear", [X, np.float32(0.02)], 13)
    check_against(reference, "QuantizeLinear", [X, np.float32(0.02)], 21, output_dtype=3)  # int8


def test_what_torch_has_no_type_for_goes_to_the_tiers_below():
    with pytest.raises(Unsupported, match="int4"):
        run_node("QuantizeLinear", [X, np.float32(0.1), np.zeros((), ml_dtypes.int4)], 21)
    with pytest.raises(Unsupported, match="infinity"):
        run_node("QuantizeLinear", [X, np.float32(0.1), np.zeros((), ml_dtypes.float8_e5m2)], 19, saturate=0)


@pytest.mark.parametrize("zero_point", [np.uint8(3), np.zeros((), ml_dtypes.float8_e4m3fn)])
def test_the_gradient_is_that_of_the_division_and_zero_where_cut_off(zero_point):
    x = torch.tensor([-1e6, 0.3, 1.26, 1e6], requires_grad=True)
    found = run_node("QuantizeLinear", [x, np.float32(0.5), zero_point], 19)
    (gradient,) = torch.autograd.grad(found.sum(), x)
    assert gradient.tolist() == [0, 2, 2, 0]


def test_values_are_the_same_with_and_without_gradient():
    inputs = [np.float32(0.02), np.int8(-5)]
    plain = run_node("QuantizeLinear", [X, *inputs], 13)
    traced = run_node("QuantizeLinear", [torch.from_numpy(X).requires_grad_(), *inputs], 13)
    assert plain.dtype == torch.int8 and traced.requires_grad
    torch.testing.assert_close(traced.detach(), plain.float(), rtol=0, atol=0)


def test_the_way_there_and_back_has_the_gradient_one_inside_vmap_too():
    def there_and_back(x):
        quantized = run_node("QuantizeLinear", [x, np.float32(0.1), np.uint8(128)], 13)
        return run_node("DequantizeLinear", [quantized, np.float32(0.1), np.uint8(128)], 13)

    x = torch.tensor([[0.17, 0.5], [1.3, 99.0]], requires_grad=True)
    found = torch.vmap(there_and_back)(x)
    torch.testing.assert_close(found.detach(), torch.tensor([[0.2, 0.5], [1.3, 12.7]]))
    assert torch.autograd.grad(found.sum(), x)[0].tolist() == [[1, 1], [1, 0]]


def test_infinite_values_are_cut_off_without_spoiling_the_gradient():
    x = torch.tensor([torch.inf, 0.5], requires_grad=True)
    found = run_node("QuantizeLinear", [x, np.float32(0.5), np.uint8(0)], 13)
    assert found.tolist() == [255, 1]
    assert torch.autograd.grad(found.sum(), x)[0].tolist() == [0, 2]


def test_dequantizing_is_differentiable_in_the_numbers_and_the_scale():
    check_gradient("DequantizeLinear", [X, SCALES], 13, axis=1)


def test_onnxruntimes_own_pair_is_the_same():
    check_against(onnxruntime, "QuantizeLinear", [X, np.float32(0.02), np.uint8(3)], 1, MICROSOFT)
    check_against(
        onnxruntime, "DequantizeLinear", [quantized_x(np.uint8), SCALES, np.uint8([1, 2, 3, 4])], 1, MICROSOFT
    )
    assert {("", "QuantizeLinear"), (MICROSOFT, "QuantizeLinear")} == STRAIGHT_THROUGH


def quantized_x(kind):
    limits = np.iinfo(kind)
    return random.integers(limits.min, limits.max, X.shape, endpoint=True).astype(kind)
