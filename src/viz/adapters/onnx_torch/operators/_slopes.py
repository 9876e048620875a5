"""Elementwise functions whose slope is infinite somewhere, with gradients that do not turn into NaN there.

Autograd multiplies the gradient that arrives by the slope. Where nothing arrives (a masked branch of Where,
the flat end of an overflowed sigmoid written out in exponentials) that is zero times infinity, NaN, and it
spoils every pixel before it. Here zero stays zero. Roots have slope zero at zero, as torch gives norms: the
length of a vector, written as Sqrt(ReduceSumSquare(x)), then has the gradient zero at the zero vector.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from viz.adapters.onnx_torch.operators._vmap import needs_gradient

Slope = Callable[[Tensor, Tensor], Tensor]


def exp(x: Tensor) -> Tensor:
    """The exponential."""
    return _guarded(torch.exp, lambda x, y: y, x)


def log(x: Tensor) -> Tensor:
    """The natural logarithm."""
    return _guarded(torch.log, lambda x, y: x.reciprocal(), x)


def reciprocal(x: Tensor) -> Tensor:
    """One divided by x."""
    return _guarded(torch.reciprocal, lambda x, y: -y * y, x)


def sqrt(x: Tensor) -> Tensor:
    """The square root; slope 0 at 0."""
    return _guarded(torch.sqrt, lambda x, y: torch.where(y == 0, 0.0, 0.5 / y), x)


def power(x: Tensor, exponent: float) -> Tensor:
    """A constant power; slope 0 at 0 for exponents between 0 and 1."""
    if exponent == 0.5:
        return sqrt(x)
    if exponent >= 1 or exponent == 0:
        return torch.pow(x, exponent)
    return _guarded(lambda x: torch.pow(x, exponent), lambda x, y: _slope_of_power(x, exponent), x)


def _slope_of_power(x: Tensor, exponent: float) -> Tensor:
    slope = exponent * torch.pow(x, exponent - 1)
    return torch.where(x == 0, 0.0, slope) if exponent > 0 else slope


def _guarded(value: Callable[[Tensor], Tensor], slope: Slope, x: Tensor) -> Tensor:
    if not needs_gradient(x):
        return value(x)
    result: Tensor = _Guarded.apply(x, value, slope)  # type: ignore[no-untyped-call]
    return result


class _Guarded(torch.autograd.Function):
    """value(x), with slope(x, value(x)) used only where a gradient arrives."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, value: Callable[[Tensor], Tensor], slope: Slope) -> Tensor:
        return value(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, _, ctx.slope = inputs
        ctx.save_for_backward(x, output)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = gradients
        return torch.where(gradient == 0, gradient, gradient * ctx.slope(*ctx.saved_tensors)), None, None
