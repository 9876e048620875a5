"""Products and convolutions of integers, exactly as onnxruntime computes them. No gradient passes these."""

from typing import Any

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator
from viz.adapters.onnx_torch.operators._quantized import as_integers, laid_along, rounded_into
from viz.adapters.onnx_torch.operators.convolution import conv

# Their sums are exact in float64: 8-bit products, 2^15 at most, would need 2^38 terms to reach 2^53.


@operator("MatMulInteger", since=10)
def matmul_integer(
    node: Node, a: Tensor, b: Tensor, a_zero_point: Tensor | None = None, b_zero_point: Tensor | None = None
) -> Tensor:
    """a (…, m, k) times b (…, k, n) in int32; zero points for all, for each row of a, for each column of b."""
    return integer_product(a, b, a_zero_point, b_zero_point).to(torch.int32)


@operator("ConvInteger", since=10)
def conv_integer(
    node: Node,
    x: Tensor,
    w: Tensor,
    x_zero_point: Tensor | None = None,
    w_zero_point: Tensor | None = None,
    **attributes: Any,
) -> Tensor:
    """Conv in int32; the zero point of w may differ by output channel. Padding stands for the real number 0."""
    found: Tensor = conv(node, as_integers(x, x_zero_point), as_integers(w, w_zero_point), None, **attributes)
    return found.to(torch.int32)


@operator("QLinearMatMul", since=10)
def qlinear_matmul(
    node: Node,
    a: Tensor,
    a_scale: Tensor,
    a_zero_point: Tensor,
    b: Tensor,
    b_scale: Tensor,
    b_zero_point: Tensor,
    y_scale: Tensor,
    y_zero_point: Tensor,
) -> Tensor:
    """MatMul of quantized numbers, rounded into the type of the last zero point."""
    total = integer_product(a, b, a_zero_point, b_zero_point)
    factor = laid_along(a_scale, a, -2) * laid_along(b_scale, b, -1) / y_scale
    return rounded_into(total.to(factor.dtype) * factor, y_zero_point)


@operator("QLinearConv", since=10)
def qlinear_conv(
    node: Node,
    x: Tensor,
    x_scale: Tensor,
    x_zero_point: Tensor,
    w: Tensor,
    w_scale: Tensor,
    w_zero_point: Tensor,
    y_scale: Tensor,
    y_zero_point: Tensor,
    b: Tensor | None = None,
    **attributes: Any,
) -> Tensor:
    """Conv of quantized numbers, rounded into the type of the last zero point; b is in steps of x_scale · w_scale."""
    bias = None if b is None else b.double()
    total = conv(node, as_integers(x, x_zero_point), as_integers(w, w_zero_point), bias, **attributes)
    factor = laid_along(x_scale * w_scale / y_scale, total, 1)
    return rounded_into(total.to(factor.dtype) * factor, y_zero_point)


@operator("DynamicQuantizeLinear", since=11)
def dynamic_quantize_linear(node: Node, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """x in uint8, with the scale and zero point that its own range, 0 included, asks for."""
    return dynamically_quantized(x)


def dynamically_quantized(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Quantized x, scale and zero point. A range of nothing but 0 gets the scale 1, as in onnxruntime."""
    x = x.detach()
    low, high = torch.minimum(x.amin(), x.new_zeros(())), torch.maximum(x.amax(), x.new_zeros(()))
    scale = torch.where(low == high, 1.0, (high - low) / 255)
    zero_point = rounded_into(-low / scale, None, torch.uint8)
    return rounded_into(x / scale, zero_point), scale, zero_point


def integer_product(a: Tensor, b: Tensor, a_zero_point: Tensor | None, b_zero_point: Tensor | None) -> Tensor:
    """a b with zero points taken off, in float64 without gradient."""
    return torch.matmul(as_integers(a, a_zero_point, -2), as_integers(b, b_zero_point, -1))
