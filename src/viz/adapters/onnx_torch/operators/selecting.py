"""What depends on values, and parts chosen by place: NonZero Unique Trilu."""

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator
from viz.adapters.onnx_torch.operators._reading import Integers, integer
from viz.adapters.onnx_torch.operators._unsigned import via_int64


@operator("NonZero")
@via_int64(values=0)
def non_zero(node: Node, x: Tensor) -> Tensor:
    """Coordinates of all elements that are not zero, (axes of x, how many)."""
    if x.dim() == 0:
        return x.reshape(1).nonzero().t()[:0]
    return x.nonzero().t()


@operator("Trilu")
@via_int64()
def trilu(node: Node, x: Tensor, k: Integers = 0, upper: int = 1) -> Tensor:
    """The triangle of each matrix above (else below) and on diagonal number k, zero elsewhere."""
    diagonal = integer(node, 1, k)
    return x.triu(diagonal) if upper else x.tril(diagonal)


@operator("Unique")
@via_int64(ordered=True)
def unique(
    node: Node,
    x: Tensor,
    axis: int | None = None,
    sorted: int = 1,  # noqa: A002  (the operator's name for it)
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Different elements or slices, sorted or as they come; where each is first, where each went, how often."""
    along = 0 if axis is None else axis
    x = x.reshape(-1) if axis is None else x
    values, place, count = torch.unique(x, return_inverse=True, return_counts=True, dim=along)
    first = _first_occurrence(place, count)
    if sorted:
        return values, first, place, count
    order = first.argsort()
    rank = order.argsort()
    return values.index_select(along, order), first[order], rank[place], count[order]


def _first_occurrence(place: Tensor, count: Tensor) -> Tensor:
    """The first index at which each of the different elements stands."""
    every = torch.arange(place.numel(), device=place.device)
    last = torch.full_like(count, place.numel())
    return last.scatter_reduce(0, place, every, "amin")
