"""Indices as torch takes them: int64, counted from the front."""

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operators._reading import prepared


def from_front(indices: Tensor, size: int) -> Tensor:
    """Indices along an axis of this size; negative ones count from its end."""
    indices = indices.long()
    return torch.where(indices < 0, indices + size, indices)


def along_axis(node: Node, index: int, indices: Tensor, size: int) -> Tensor:
    """Input number `index` as indices along an axis of this size, worked out once where it is a constant."""
    kept: Tensor
    kept, for_size = prepared(node, index, lambda: (from_front(indices, size), size))
    return kept if for_size == size else from_front(indices, size)


def coordinates(indices: Tensor, shape: torch.Size) -> tuple[Tensor, ...]:
    """Indices (…, k) into the first k axes of a tensor of this shape, as one tensor (…) for each axis."""
    return tuple(from_front(axis, size) for axis, size in zip(indices.unbind(-1), shape, strict=False))
