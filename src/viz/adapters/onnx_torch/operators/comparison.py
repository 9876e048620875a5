"""Comparisons, logic, and choosing by a condition."""

from collections.abc import Callable

import torch
from torch import Tensor

from viz.adapters.onnx_torch.element_types import FLOAT8
from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator
from viz.adapters.onnx_torch.operators._legacy import aligned
from viz.adapters.onnx_torch.operators._unsigned import via_int64


def _comparison(name: str, compute: Callable[[Tensor, Tensor], Tensor], ordered: bool = True) -> None:
    """Enter an operator from two tensors to truth values; before opset 7 with an axis to line them up."""

    @operator(name)
    @via_int64(ordered=ordered)
    def with_axis(node: Node, a: Tensor, b: Tensor, broadcast: int = 0, axis: int | None = None) -> Tensor:
        return compute(a, aligned(a, b, broadcast, axis))

    @operator(name, since=7)
    @via_int64(ordered=ordered)
    def like_numpy(node: Node, a: Tensor, b: Tensor) -> Tensor:
        return compute(a, b)


_comparison("Equal", torch.eq, ordered=False)
_comparison("Greater", torch.gt)
_comparison("GreaterOrEqual", torch.ge)
_comparison("Less", torch.lt)
_comparison("LessOrEqual", torch.le)
_comparison("And", torch.logical_and, ordered=False)
_comparison("Or", torch.logical_or, ordered=False)
_comparison("Xor", torch.logical_xor, ordered=False)


@operator("Not")
def logical_not(node: Node, x: Tensor) -> Tensor:
    """True where x is false."""
    return torch.logical_not(x)


@operator("Where")
def where(node: Node, condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """a where the condition holds, else b; the gradient goes to the one that was taken."""
    return torch.where(condition, a, b)


@operator("IsNaN")
def is_nan(node: Node, x: Tensor) -> Tensor:
    """True where x is not a number."""
    return torch.isnan(x.float() if x.dtype in FLOAT8 else x)


@operator("IsInf")
def is_infinite(node: Node, x: Tensor, detect_negative: int = 1, detect_positive: int = 1) -> Tensor:
    """True where x is one of the infinities looked for."""
    x = x.float() if x.dtype in FLOAT8 else x
    nowhere = torch.zeros_like(x, dtype=torch.bool)
    above = torch.isposinf(x) if detect_positive else nowhere
    below = torch.isneginf(x) if detect_negative else nowhere
    return torch.logical_or(above, below)
