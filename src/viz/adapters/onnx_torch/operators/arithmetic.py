"""Sums, products, powers and extremes of tensors: Add Sub Mul Div Pow Mod Sum Mean Max Min."""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator
from viz.adapters.onnx_torch.operators import _slopes
from viz.adapters.onnx_torch.operators._legacy import aligned
from viz.adapters.onnx_torch.operators._reading import is_constant, prepared
from viz.adapters.onnx_torch.operators._unsigned import via_int64


def _binary(name: str, compute: Callable[[Tensor, Tensor], Tensor], ordered: bool = False) -> None:
    """Enter an operator on two tensors: broadcast as attributes say before opset 7, as numpy does since."""

    @operator(name)
    @via_int64(ordered=ordered)
    def with_axis(
        node: Node, a: Tensor, b: Tensor, broadcast: int = 0, axis: int | None = None, consumed_inputs: Any = None
    ) -> Tensor:
        return compute(a, aligned(a, b, broadcast, axis))

    @operator(name, since=7)
    @via_int64(ordered=ordered)
    def like_numpy(node: Node, a: Tensor, b: Tensor) -> Tensor:
        return compute(a, b)


def _quotient(a: Tensor, b: Tensor) -> Tensor:
    """a / b; of integers it is cut off towards zero."""
    return torch.div(a, b) if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


_binary("Add", torch.add)
_binary("Sub", torch.sub)
_binary("Mul", torch.mul)
_binary("Div", _quotient, ordered=True)


@operator("Pow")
@via_int64()
def power_with_axis(node: Node, base: Tensor, exponent: Tensor, broadcast: int = 0, axis: int | None = None) -> Tensor:
    """base to the power of exponent, which may line up with the middle axes of base."""
    return _power(node, base, aligned(base, exponent, broadcast, axis))


@operator("Pow", since=7)
@via_int64()
def power(node: Node, base: Tensor, exponent: Tensor) -> Tensor:
    """base to the power of exponent, in the type of base."""
    return _power(node, base, exponent)


def _power(node: Node, base: Tensor, exponent: Tensor) -> Tensor:
    single = exponent.numel() == 1 and exponent.dim() <= base.dim()
    if base.is_floating_point() and single and is_constant(node, 1):
        return _slopes.power(base, prepared(node, 1, exponent.item))
    return torch.pow(base, exponent).to(base.dtype)


@operator("Mod")
@via_int64(ordered=True)
def modulo(node: Node, a: Tensor, b: Tensor, fmod: int = 0) -> Tensor:
    """The remainder of a / b: with the sign of b, or with `fmod` the sign of a, as C has it."""
    return torch.fmod(a, b) if fmod else torch.remainder(a, b)


def _variadic(name: str, compute: Callable[[Sequence[Tensor]], Tensor], ordered: bool = False) -> None:
    """Enter an operator on any number of tensors."""

    @operator(name)
    @via_int64(ordered=ordered)
    def of_all(node: Node, *inputs: Tensor, consumed_inputs: Any = None) -> Tensor:
        return compute(inputs)


_variadic("Sum", lambda inputs: reduce(torch.add, inputs))
_variadic("Mean", lambda inputs: reduce(torch.add, inputs) / len(inputs))
_variadic("Max", lambda inputs: reduce(torch.maximum, inputs), ordered=True)
_variadic("Min", lambda inputs: reduce(torch.minimum, inputs), ordered=True)
