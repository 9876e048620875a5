"""Arithmetic of quantized operators: scales laid along an axis, exact integers, and rounding back into a type."""

import torch
from torch import Tensor

from viz.adapters.onnx_torch.element_types import FLOAT8
from viz.adapters.onnx_torch.operator_table import Unsupported


def laid_along(parameter: Tensor, x: Tensor, axis: int, block_size: int = 0) -> Tensor:
    """A scale or zero point in a shape that broadcasts to `x`: one for all, one for each place on `axis`, or one
    for each block of `block_size` places."""
    if parameter.numel() == 1 and parameter.dim() <= 1:
        return parameter.reshape(())
    if block_size:
        return parameter.repeat_interleave(block_size, axis).narrow(axis, 0, x.shape[axis])
    if parameter.dim() > 1:  # has its shape already, (…, m, 1) or (…, 1, n)
        return parameter
    return parameter.reshape([-1 if i == axis % x.dim() else 1 for i in range(x.dim())])


def as_integers(x: Tensor, zero_point: Tensor | None, axis: int = 0) -> Tensor:
    """x minus its zero point, in float64, where sums of products of 8-bit numbers are exact; without gradient.

    `x` may hold its integers in a float type, as a straight-through QuantizeLinear gives them.
    """
    numbers = x.detach().double()
    if zero_point is None:
        return numbers
    if zero_point.dtype in FLOAT8:
        raise Unsupported("integer arithmetic on 8-bit floats")
    return numbers - laid_along(zero_point, x, axis).double()


def dequantized(x: Tensor, scale: Tensor, zero_point: Tensor | None) -> Tensor:
    """The real numbers that `x` stands for, in float32, without gradient; one scale for all."""
    return as_integers(x, zero_point).float() * scale.reshape(())


def rounded_into(values: Tensor, zero_point: Tensor | None, dtype: torch.dtype | None = None) -> Tensor:
    """Values (in steps of the output's scale) rounded half to even, moved by the zero point, cut to its type."""
    target = dtype if zero_point is None else zero_point.dtype
    limits = torch.iinfo(target or torch.uint8)
    moved = torch.round(values) if zero_point is None else torch.round(values) + zero_point.to(values.dtype)
    return cut(moved, limits.min, limits.max).to(target or torch.uint8)


def cut(values: Tensor, low: float, high: float) -> Tensor:
    """Values limited to a range. Not torch.clamp: the rules of the backward pass take that for a rectifier."""
    return torch.where(values < low, low, torch.where(values > high, high, values))
