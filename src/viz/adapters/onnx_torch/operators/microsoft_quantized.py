"""Quantized operators of onnxruntime's own domain, element by element and over windows. No gradient passes these."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import MICROSOFT, operator
from viz.adapters.onnx_torch.operators._quantized import as_integers, dequantized, rounded_into
from viz.adapters.onnx_torch.operators.pooling import average_pool

Parameter = Tensor | None


@operator("QLinearAdd", domain=MICROSOFT)
def qlinear_add(
    node: Node,
    a: Tensor,
    a_scale: Tensor,
    a_zero_point: Parameter,
    b: Tensor,
    b_scale: Tensor,
    b_zero_point: Parameter,
    c_scale: Tensor,
    c_zero_point: Parameter = None,
) -> Tensor:
    """The sum of two quantized tensors, quantized."""
    total = as_integers(a, a_zero_point) * (a_scale / c_scale) + as_integers(b, b_zero_point) * (b_scale / c_scale)
    return rounded_into(total.float(), c_zero_point, a.dtype)


@operator("QLinearMul", domain=MICROSOFT)
def qlinear_mul(
    node: Node,
    a: Tensor,
    a_scale: Tensor,
    a_zero_point: Parameter,
    b: Tensor,
    b_scale: Tensor,
    b_zero_point: Parameter,
    c_scale: Tensor,
    c_zero_point: Parameter = None,
) -> Tensor:
    """The product of two quantized tensors, quantized."""
    product = as_integers(a, a_zero_point) * as_integers(b, b_zero_point)
    return rounded_into(product.float() * (a_scale * b_scale / c_scale), c_zero_point, a.dtype)


@operator("QLinearWhere", domain=MICROSOFT)
def qlinear_where(
    node: Node,
    condition: Tensor,
    x: Tensor,
    x_scale: Tensor,
    x_zero_point: Tensor,
    y: Tensor,
    y_scale: Tensor,
    y_zero_point: Tensor,
    z_scale: Tensor,
    z_zero_point: Tensor,
) -> Tensor:
    """x where the condition holds, else y; both brought to one scale."""
    chosen = torch.where(condition, dequantized(x, x_scale, x_zero_point), dequantized(y, y_scale, y_zero_point))
    return rounded_into(chosen / z_scale, z_zero_point)


@operator("QLinearConcat", domain=MICROSOFT)
def qlinear_concat(node: Node, y_scale: Tensor, y_zero_point: Tensor, *inputs: Tensor, axis: int) -> Tensor:
    """Tensors, each followed by its scale and zero point, joined in one scale."""
    parts = [dequantized(*inputs[i : i + 3]) for i in range(0, len(inputs), 3)]
    return rounded_into(torch.cat(parts, axis) / y_scale, y_zero_point)


def _by_real_numbers(
    name: str,
) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """Enter a function of real numbers as an operator: dequantized before, quantized after."""

    def enter(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def quantized(
            node: Node,
            x: Tensor,
            x_scale: Tensor,
            x_zero_point: Parameter,
            y_scale: Tensor,
            y_zero_point: Parameter = None,
            **attributes: Any,
        ) -> Tensor:
            values = function(node, dequantized(x, x_scale, x_zero_point), **attributes)
            return rounded_into(values / y_scale, y_zero_point, x.dtype)

        operator(name, domain=MICROSOFT)(quantized)
        return function

    return enter


@_by_real_numbers("QLinearSigmoid")
def _sigmoid(node: Node, x: Tensor) -> Tensor:
    return torch.sigmoid(x)


@_by_real_numbers("QLinearLeakyRelu")
def _leaky_relu(node: Node, x: Tensor, alpha: float = 0.01) -> Tensor:
    return torch.where(x < 0, alpha * x, x)


@_by_real_numbers("QLinearAveragePool")
def _average_pool(node: Node, x: Tensor, channels_last: int = 0, **attributes: Any) -> Tensor:
    # Means often lie half way between two integers: where onnxruntime's sum is off by its last bit, so is the result.
    if not channels_last:
        return average_pool(node, x, **attributes)
    return average_pool(node, x.movedim(-1, 1), **attributes).movedim(1, -1)


@_by_real_numbers("QLinearGlobalAveragePool")
def _global_average_pool(node: Node, x: Tensor, channels_last: int = 0) -> Tensor:
    spatial = range(1, x.dim() - 1) if channels_last else range(2, x.dim())
    return x.mean(list(spatial), keepdim=True)


@operator("QLinearSoftmax", domain=MICROSOFT)
def qlinear_softmax(
    node: Node,
    x: Tensor,
    x_scale: Tensor,
    x_zero_point: Parameter,
    y_scale: Tensor,
    y_zero_point: Tensor,
    *,
    opset: int,
    axis: int = -1,
) -> Tensor:
    """Softmax, quantized; where the Softmax it was is older than opset 13, over all axes from `axis` on as one."""
    values = dequantized(x, x_scale, x_zero_point)
    if opset >= 13:
        found = torch.softmax(values, axis)
    else:
        found = torch.softmax(values.flatten(axis % x.dim()), -1).reshape(x.shape)
    steps = torch.floor(1 / y_scale)  # onnxruntime counts them in whole numbers
    return rounded_into(found * steps, y_zero_point)
