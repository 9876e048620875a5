"""Tensors put together and taken apart along an axis: Concat Split Slice."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator
from viz.adapters.onnx_torch.operators._reading import Integers, integers
from viz.core.errors import ModelError


@operator("Concat")
def concat(node: Node, *inputs: Tensor, axis: int = 1) -> Tensor:
    """The inputs one behind the other along an axis."""
    return torch.cat(inputs, axis) if len(inputs) > 1 else inputs[0]


@operator("Split")
def split(
    node: Node, x: Tensor, split: Integers | None = None, axis: int = 0, num_outputs: int | None = None
) -> tuple[Tensor, ...]:
    """Parts of the given sizes; else as many equal parts as there are outputs, the last one smaller if need be."""
    if split is not None:
        return torch.split(x, integers(node, 1, split), axis)
    size, count = x.shape[axis], num_outputs or node.output_count
    if num_outputs is None and size % count:
        raise ModelError(f"{node.label} cannot cut {size} into {count} equal parts", "export the model again")
    part = -(-size // count)
    return torch.split(x, [min(part, max(size - part * k, 0)) for k in range(count)], axis)


@operator("Slice")
def slice_(
    node: Node,
    x: Tensor,
    starts: Integers = (),
    ends: Integers = (),
    axes: Integers | None = None,
    steps: Integers | None = None,
) -> Tensor:
    """A part of x along some axes; ends lie outside, negative steps go backwards."""
    first, end = integers(node, 1, starts), integers(node, 2, ends)
    along: Sequence[int] = range(len(first)) if axes is None else integers(node, 3, axes)
    by = [1] * len(first) if steps is None else integers(node, 4, steps)
    index: list[Any] = [slice(None)] * x.dim()
    backwards = []
    for axis, *bounds in zip(along, first, end, by, strict=True):
        chosen = _chosen(x.shape[axis], *bounds)
        if chosen.step < 0:
            chosen = chosen[::-1]
            backwards.append(axis)
        index[axis] = slice(chosen.start, chosen.stop, chosen.step) if chosen else slice(0, 0)
    part = x[tuple(index)]
    return part.flip(backwards) if backwards else part


def _chosen(size: int, start: int, end: int, step: int) -> range:
    """The indices of a slice. Python would find nothing before the start; ONNX begins at the first element then."""
    start = max(start, -size) if step < 0 else start
    return range(*slice(start, end, step).indices(size))
