"""Elements written to places given by index: Scatter ScatterElements ScatterND TensorScatter."""

import math

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import Unsupported, operator
from viz.adapters.onnx_torch.operators._indices import along_axis, coordinates
from viz.adapters.onnx_torch.operators._unsigned import via_int64

_REDUCTIONS = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


@operator("Scatter", "ScatterElements")
@via_int64()
def scatter_elements(
    node: Node, x: Tensor, indices: Tensor, updates: Tensor, axis: int = 0, reduction: str = "none"
) -> Tensor:
    """x with each update written to its own place, except along the axis, or combined with what is there."""
    places = along_axis(node, 1, indices, x.shape[axis])
    if reduction == "none":
        return x.scatter(axis, places, updates)
    return torch.scatter_reduce(x, axis, places, updates, _reduction(node, reduction, x), include_self=True)


@operator("ScatterND")
@via_int64()
def scatter_nd(node: Node, x: Tensor, indices: Tensor, updates: Tensor, reduction: str = "none") -> Tensor:
    """x with slices written to coordinates along its first axes, or combined with what is there."""
    places = coordinates(indices, x.shape)
    if reduction in ("none", "add"):
        return x.index_put(places, updates, accumulate=reduction == "add")
    depth = len(places)
    sizes = x.shape[:depth]
    rows = sum(place * math.prod(sizes[axis + 1 :]) for axis, place in enumerate(places))
    values = updates.reshape(math.prod(indices.shape[:-1]), math.prod(x.shape[depth:]))
    flat = x.reshape(math.prod(sizes), values.shape[1])
    places_in_rows = torch.as_tensor(rows, device=x.device).reshape(-1, 1).expand_as(values)
    combine = _reduction(node, reduction, x)
    return torch.scatter_reduce(flat, 0, places_in_rows, values, combine, include_self=True).reshape(x.shape)


def _reduction(node: Node, name: str, x: Tensor) -> str:
    if name not in _REDUCTIONS or x.dtype == torch.bool:
        raise Unsupported(f"{node.op} with reduction {name!r} of {x.dtype}")
    return _REDUCTIONS[name]


@operator("TensorScatter")
def tensor_scatter(
    node: Node,
    past: Tensor,
    update: Tensor,
    write_indices: Tensor | None = None,
    axis: int = -2,
    mode: str = "linear",
) -> Tensor:
    """A cache with the update written along an axis from each item's own index on, around its end if `circular`."""
    axis %= past.dim()
    length = update.shape[axis]
    places = torch.arange(length, device=past.device)
    start = past.new_zeros(past.shape[0], dtype=torch.int64) if write_indices is None else write_indices
    places = start[:, None] + places
    if mode == "circular":
        places = places % past.shape[axis]
    shape = [past.shape[0], *[1] * (past.dim() - 1)]
    shape[axis] = length
    return past.scatter(axis, places.reshape(shape).expand(update.shape), update)
