"""Resize to a region that the model itself computes: bilinear, with a gradient to the region's edges too."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from viz.adapters.onnx_torch.operator_table import Unsupported
from viz.adapters.onnx_torch.operators._resize_taps import Axis


def resized_region(x: Tensor, roi: Tensor, axes: Mapping[int, Axis], extrapolation_value: float) -> Tensor:
    """The part of `x` between the edges in `roi` (all starts, then all ends, as fractions), resampled linearly.

    Raises `Unsupported` for what is not linear interpolation of numbers.
    """
    if not x.is_floating_point():
        raise Unsupported("Resize of integers to a region that depends on the image")
    for (index, axis), start, end in zip(axes.items(), roi[: len(axes)], roi[len(axes) :], strict=True):
        if axis.mode != "linear" or axis.antialias or axis.exclude_outside:
            raise Unsupported(f"Resize mode {axis.mode!r} with a region that depends on the image")
        x = _along(x, index, _positions(axis, start, end), extrapolation_value)
    return x


def _positions(axis: Axis, start: Tensor, end: Tensor) -> Tensor:
    last = axis.size - 1
    if axis.out == 1:
        return (0.5 * (start + end) * last).reshape(1)
    cells = torch.arange(axis.out, dtype=start.dtype, device=start.device)
    return start * last + cells * (end - start) * last / (axis.out - 1)


def _along(x: Tensor, index: int, positions: Tensor, extrapolation_value: float) -> Tensor:
    last = x.shape[index] - 1
    shape: Sequence[int] = [-1 if axis == index else 1 for axis in range(x.dim())]
    below = torch.floor(positions.detach())
    share = (positions - below).to(x.dtype).reshape(shape)
    found = x.index_select(index, _within(below, last)) * (1 - share)
    found = found + x.index_select(index, _within(below + 1, last)) * share
    outside = ((positions < 0) | (positions > last)).reshape(shape)
    return torch.where(outside, torch.full((), extrapolation_value, dtype=x.dtype, device=x.device), found)


def _within(cells: Tensor, last: int) -> Tensor:
    cells = cells.to(torch.int64)
    return torch.minimum(torch.maximum(cells, torch.zeros_like(cells)), torch.full_like(cells, last))
