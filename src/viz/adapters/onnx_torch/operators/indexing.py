"""Elements looked up by index: Gather GatherElements GatherND OneHot Compress ReverseSequence."""

import math

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator
from viz.adapters.onnx_torch.operators._indices import along_axis, coordinates, from_front
from viz.adapters.onnx_torch.operators._reading import Integers, integer, is_constant
from viz.adapters.onnx_torch.operators._unsigned import via_int64


@operator("Gather")
def gather(node: Node, x: Tensor, indices: Tensor, axis: int = 0) -> Tensor:
    """Slices of x across an axis; the axes of the indices stand where that axis was."""
    axis %= x.dim()
    if indices.dim() == 0 and is_constant(node, 1):
        return x.select(axis, integer(node, 1, indices))
    found = x.index_select(axis, along_axis(node, 1, indices, x.shape[axis]).reshape(-1))
    return found.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


@operator("GatherElements")
@via_int64()
def gather_elements(node: Node, x: Tensor, indices: Tensor, axis: int = 0) -> Tensor:
    """For every element of the indices, the element of x at its own place, except along the axis."""
    return torch.gather(x, axis, along_axis(node, 1, indices, x.shape[axis]))


@operator("GatherND")
def gather_nd(node: Node, x: Tensor, indices: Tensor, batch_dims: int = 0) -> Tensor:
    """Slices of x at coordinates along its first axes, after `batch_dims` axes that both have in common."""
    if batch_dims == 0:
        return x[coordinates(indices, x.shape)]
    count = math.prod(x.shape[:batch_dims])
    items = x.reshape(count, *x.shape[batch_dims:])
    places = indices.reshape(count, -1, indices.shape[-1])
    item = torch.arange(count, device=x.device)[:, None]
    found = items[(item, *coordinates(places, items.shape[1:]))]
    return found.reshape(*indices.shape[:-1], *found.shape[2:])


@operator("OneHot")
def one_hot(node: Node, indices: Tensor, depth: Integers, values: Tensor, axis: int = -1) -> Tensor:
    """values[1] where a new axis of size `depth` has the index, values[0] elsewhere, outside of it everywhere."""
    size = integer(node, 1, depth)
    axis %= indices.dim() + 1
    steps = torch.arange(size, device=indices.device).reshape(-1, *[1] * (indices.dim() - axis))
    return torch.where(from_front(indices, size).unsqueeze(axis) == steps, values[1], values[0])


@operator("Compress")
def compress(node: Node, x: Tensor, condition: Tensor, axis: int | None = None) -> Tensor:
    """The slices across an axis, or the elements of all x in a row, for which the condition holds."""
    chosen = condition.nonzero().reshape(-1)
    return x.reshape(-1).index_select(0, chosen) if axis is None else x.index_select(axis, chosen)


@operator("ReverseSequence")
@via_int64()
def reverse_sequence(node: Node, x: Tensor, sequence_lens: Tensor, batch_axis: int = 1, time_axis: int = 0) -> Tensor:
    """Each item's first steps, as many as given, in reverse order; the others stay."""
    time = torch.arange(x.shape[time_axis], device=x.device)
    lengths = sequence_lens.reshape(-1, 1)
    places = torch.where(time < lengths, lengths - 1 - time, time)  # (items, steps)
    places = places if batch_axis < time_axis else places.t()
    shape = [size if axis in (batch_axis, time_axis) else 1 for axis, size in enumerate(x.shape)]
    return torch.gather(x, time_axis, places.reshape(shape).expand(x.shape))
