"""Running sums and products along an axis."""

from collections.abc import Callable

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator
from viz.adapters.onnx_torch.operators._reading import integer
from viz.adapters.onnx_torch.operators._unsigned import via_int64


def _cumulative(name: str, accumulate: Callable[..., Tensor], start: int) -> None:
    @operator(name)
    @via_int64()
    def running(node: Node, x: Tensor, axis: Tensor, exclusive: int = 0, reverse: int = 0) -> Tensor:
        along = integer(node, 1, axis) % x.dim()
        x = x.flip(along) if reverse else x
        result = accumulate(x, along, dtype=x.dtype)
        if exclusive and x.numel():
            result = _moved_on(result, along, start)
        return result.flip(along) if reverse else result


def _moved_on(x: Tensor, axis: int, start: int) -> Tensor:
    """Every value one place further, behind `start`: what was accumulated before this element."""
    first = torch.full_like(x.narrow(axis, 0, 1), start)
    return torch.cat([first, x.narrow(axis, 0, x.shape[axis] - 1)], axis)


_cumulative("CumSum", torch.cumsum, start=0)
_cumulative("CumProd", torch.cumprod, start=1)
