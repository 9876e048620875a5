"""Which is largest: ArgMax ArgMin TopK."""

from collections.abc import Callable

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator
from viz.adapters.onnx_torch.operators._reading import Integers, integer
from viz.adapters.onnx_torch.operators._unsigned import via_int64


def _position(name: str, find: Callable[..., Tensor]) -> None:
    @operator(name)
    @via_int64(values=0, ordered=True)
    def position(node: Node, x: Tensor, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Tensor:
        if not select_last_index:
            return find(x, axis, keepdim=bool(keepdims))
        return x.shape[axis] - 1 - find(x.flip(axis), axis, keepdim=bool(keepdims))


_position("ArgMax", torch.argmax)
_position("ArgMin", torch.argmin)


@operator("TopK")
@via_int64(ordered=True)
def top_k(
    node: Node,
    x: Tensor,
    k: Integers,
    axis: int = -1,
    largest: int = 1,
    sorted: int = 1,  # noqa: A002  (the operator's name for it; sorted is one of the orders that it allows)
) -> tuple[Tensor, Tensor]:
    """The k largest or smallest values and their indices; of equal values the first ones, as torch.topk does not."""
    values, indices = torch.sort(x, dim=axis, descending=bool(largest), stable=True)
    count = integer(node, 1, k)
    return values.narrow(axis, 0, count), indices.narrow(axis, 0, count)
