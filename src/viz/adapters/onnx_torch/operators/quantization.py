"""QuantizeLinear and DequantizeLinear, which gradients pass straight through as long as nothing is cut off."""

import torch
from torch import Tensor

from viz.adapters.onnx_torch.element_types import FLOAT8
from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import MICROSOFT, Unsupported, operator
from viz.adapters.onnx_torch.operators._quantized import cut, laid_along
from viz.adapters.onnx_torch.operators._vmap import needs_gradient

# Rounding has the gradient 0 almost everywhere. A gradient passes these operators as if they did not round:
# traces that met one are marked (`Trace.straight_through`).
STRAIGHT_THROUGH = frozenset({("", "QuantizeLinear"), (MICROSOFT, "QuantizeLinear")})


@operator("QuantizeLinear", since=10)
@operator("QuantizeLinear", domain=MICROSOFT)
def quantize_linear(
    node: Node,
    x: Tensor,
    scale: Tensor,
    zero_point: Tensor | None = None,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
    saturate: int = 1,
    precision: int = 0,
) -> Tensor:
    """x / scale rounded half to even, plus the zero point, cut to the type.

    Where a gradient may flow the numbers stay in the type of the division: the values are the same, and the
    gradient is that of x / scale, or 0 where the value was cut off (which is how the quantizer wrote a Relu).
    In float64, which is for checks of that gradient, what follows from the image is cut but not rounded.
    """
    _check_type(zero_point)
    wanted = node.types.dtype(output_dtype or _UINT8) if zero_point is None else zero_point.dtype
    steps = _divided(x, laid_along(scale, x, axis, block_size), node.types.dtype(precision) if precision else None)
    offset = None if zero_point is None else laid_along(zero_point, x, axis, block_size)
    unrounded = node.types.double and not node.constant[0]
    if wanted in FLOAT8:
        quantized, within = _eight_bit_float(steps.detach(), wanted, saturate, unrounded)
    else:
        quantized, within = _integer(steps.detach(), offset, wanted, unrounded)
    if not needs_gradient(x):
        return quantized if unrounded else quantized.to(wanted)
    passing = torch.where(within, steps, 0.0)
    return quantized + (passing - passing.detach())


@operator("DequantizeLinear", since=10)
@operator("DequantizeLinear", domain=MICROSOFT)
def dequantize_linear(
    node: Node,
    x: Tensor,
    scale: Tensor,
    zero_point: Tensor | None = None,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
) -> Tensor:
    """(x - zero point) · scale."""
    _check_type(zero_point)
    numbers = x.to(scale.dtype)
    if zero_point is not None:
        numbers = numbers - laid_along(zero_point, x, axis, block_size).to(scale.dtype)
    values = numbers * laid_along(scale, x, axis, block_size)
    return values.to(node.types.dtype(output_dtype)) if output_dtype else values


_UINT8 = 2  # the ONNX element type


def _check_type(zero_point: Tensor | None) -> None:
    if zero_point is not None and not isinstance(zero_point, Tensor):
        raise Unsupported(f"zero points of type {getattr(zero_point, 'dtype', type(zero_point).__name__)}")


def _divided(x: Tensor, scale: Tensor, precision: torch.dtype | None) -> Tensor:
    if precision is not None:
        return x.to(precision) / scale.to(precision)
    return x / scale.to(x.dtype) if x.is_floating_point() else x.to(scale.dtype) / scale


def _integer(steps: Tensor, offset: Tensor | None, wanted: torch.dtype, unrounded: bool) -> tuple[Tensor, Tensor]:
    """The rounded numbers, and where none was cut off."""
    limits = torch.iinfo(wanted)
    numbers = steps if unrounded else torch.round(steps)
    moved = numbers if offset is None else numbers + offset.to(steps.dtype)
    return cut(moved, limits.min, limits.max), (moved >= limits.min) & (moved <= limits.max)


def _eight_bit_float(steps: Tensor, wanted: torch.dtype, saturate: int, unrounded: bool) -> tuple[Tensor, Tensor]:
    if not saturate:
        raise Unsupported("8-bit floats that overflow to infinity")
    largest = torch.finfo(wanted).max
    within = cut(steps, -largest, largest)
    return within if unrounded else within.to(wanted).to(steps.dtype), steps.abs() <= largest
