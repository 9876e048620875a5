"""Pooling undone (MaxUnpool), and the maximum over boxes (MaxRoiPool)."""

import math
from typing import Any

import torch
from torch import Tensor

from viz.adapters.onnx_torch.operator_table import operator
from viz.adapters.onnx_torch.operators._windows import Ints, pad_spatial


@operator("MaxUnpool")
def max_unpool(
    node: Any,
    x: Tensor,
    indices: Tensor,
    output_shape: Tensor | None = None,
    *,
    kernel_shape: Ints,
    pads: Ints | None = None,
    strides: Ints | None = None,
) -> Tensor:
    """Each value back at its place in the pooled input, zero elsewhere.

    As in the standard's own cases, the indices count in the size that kernel and strides give, and a larger
    `output_shape` adds zeros behind.
    """
    rank = len(kernel_shape)
    strides, pads = strides or [1] * rank, pads or [0] * 2 * rank
    sizes = [(n - 1) * strides[i] + kernel_shape[i] - pads[i] - pads[rank + i] for i, n in enumerate(x.shape[2:])]
    shape = [*x.shape[:2], *sizes]
    empty = torch.zeros(math.prod(shape), dtype=x.dtype, device=x.device)
    found = empty.scatter(0, indices.reshape(-1), x.reshape(-1)).reshape(shape)
    if output_shape is None:
        return found
    missing = [wanted - size for wanted, size in zip(output_shape.tolist()[2:], sizes, strict=True)]
    return pad_spatial(found, [0] * rank, missing)


@operator("MaxRoiPool")
def max_roi_pool(node: Any, x: Tensor, rois: Tensor, *, pooled_shape: Ints, spatial_scale: float = 1.0) -> Tensor:
    """The maxima of a grid of cells in each box: rois (n, 5) as image, x1, y1, x2, y2 -> (n, c, *pooled_shape).

    Boxes have whole corners after scaling, both included; empty cells are zero.
    """
    boxes = [(int(image), *(_rounded(edge * spatial_scale) for edge in edges)) for image, *edges in rois.tolist()]
    pooled = [
        _cells(_cells(x[image], pooled_shape[0], y1, y2, 1), pooled_shape[1], x1, x2, 2)
        for image, x1, y1, x2, y2 in boxes
    ]
    return torch.stack(pooled) if pooled else x.new_zeros(0, x.shape[1], *pooled_shape)


def _cells(x: Tensor, count: int, first: int, last: int, axis: int) -> Tensor:
    """The maxima of `count` nearly equal parts of first … last along the axis; parts may overlap."""
    length, size = max(last - first + 1, 1), x.shape[axis]
    found = []
    for part in range(count):
        start = min(max(part * length // count + first, 0), size)
        stop = min(max(-(-(part + 1) * length // count) + first, 0), size)
        found.append(x.narrow(axis, start, stop - start).amax(axis) if stop > start else _zeros(x, axis))
    return torch.stack(found, axis)


def _zeros(x: Tensor, axis: int) -> Tensor:
    return x.select(axis, 0) * 0


def _rounded(value: float) -> int:
    return math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1)  # halves away from zero
