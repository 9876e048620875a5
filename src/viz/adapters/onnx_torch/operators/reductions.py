"""Numbers over whole axes: ReduceSum, ReduceMean and their family."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator
from viz.adapters.onnx_torch.operators import _slopes
from viz.adapters.onnx_torch.operators._reading import Integers, axes_of, integers
from viz.adapters.onnx_torch.operators._unsigned import via_int64

Reduction = Callable[[Tensor, Sequence[int], bool], Tensor]


def _reduction(name: str, ordered: bool = True) -> Callable[[Reduction], Reduction]:
    """Enter a function (x, axes, whether to keep them) under an operator's name."""

    def enter(compute: Reduction) -> Reduction:
        @operator(name)
        @via_int64(ordered=ordered)
        def reduced(
            node: Node, x: Tensor, axes: Integers | None = None, keepdims: int = 1, noop_with_empty_axes: int = 0
        ) -> Tensor:
            over = [] if axes is None else axes_of(x.dim(), integers(node, 1, axes))
            if x.dim() == 0 or (noop_with_empty_axes and not over):
                return compute(x.unsqueeze(-1), [-1], False).to(x.dtype)  # each element by itself
            return compute(x, over or range(x.dim()), bool(keepdims)).to(x.dtype)

        return compute

    return enter


def _floating(x: Tensor) -> Tensor:
    return x if x.is_floating_point() else x.double()


@_reduction("ReduceSum", ordered=False)
def _sum(x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
    return x.sum(tuple(axes), keepdim=keep)


@_reduction("ReduceMean")
def _mean(x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
    return _floating(x).mean(tuple(axes), keepdim=keep)


@_reduction("ReduceProd", ordered=False)
def _product(x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
    for axis in sorted(axes, reverse=True):
        x = torch.prod(x, axis, keepdim=keep)
    return x


@_reduction("ReduceL1")
def _sum_of_absolutes(x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
    return _sum(x.abs(), axes, keep)


@_reduction("ReduceL2")
def _length(x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(_floating(x), dim=tuple(axes), keepdim=keep)
    return length


@_reduction("ReduceSumSquare", ordered=False)
def _sum_of_squares(x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
    return _sum(x.square(), axes, keep)


@_reduction("ReduceLogSum")
def _log_of_sum(x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
    return _slopes.log(_sum(_floating(x), axes, keep))


@_reduction("ReduceLogSumExp")
def _log_of_sum_of_exponentials(x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
    return torch.logsumexp(_floating(x), tuple(axes), keepdim=keep)


@_reduction("ReduceMax")
def _largest(x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
    """The largest value; of several equal ones each gets its share of the gradient. Of nothing: the lowest."""
    if any(x.shape[axis] == 0 for axis in axes):
        return _filled(x, axes, keep, _lowest(x.dtype))
    return torch.amax(_comparable(x), tuple(axes), keepdim=keep)


@_reduction("ReduceMin")
def _smallest(x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
    """The smallest value; of several equal ones each gets its share of the gradient. Of nothing: the highest."""
    if any(x.shape[axis] == 0 for axis in axes):
        return _filled(x, axes, keep, _highest(x.dtype))
    return torch.amin(_comparable(x), tuple(axes), keepdim=keep)


def _comparable(x: Tensor) -> Tensor:
    return x.to(torch.uint8) if x.dtype == torch.bool else x


def _filled(x: Tensor, axes: Sequence[int], keep: bool, value: float) -> Tensor:
    """The result of reducing nothing, in the shape that it has."""
    shape = [1 if axis in axes else size for axis, size in enumerate(x.shape) if keep or axis not in axes]
    return torch.full(shape, value, dtype=x.dtype, device=x.device)


def _lowest(dtype: torch.dtype) -> float:
    if dtype == torch.bool:
        return False
    return -math.inf if dtype.is_floating_point else torch.iinfo(dtype).min


def _highest(dtype: torch.dtype) -> float:
    if dtype == torch.bool:
        return True
    return math.inf if dtype.is_floating_point else torch.iinfo(dtype).max
