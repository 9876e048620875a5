"""Operators of onnxruntime's own domain on images and matrices: crops, sampling, layouts, inverses."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import MICROSOFT, lookup, operator
from viz.adapters.onnx_torch.operators.pooling import max_pool


@operator("NhwcMaxPool", domain=MICROSOFT)
def nhwc_max_pool(node: Node, x: Tensor, **attributes: Any) -> Tensor:
    """MaxPool of x (b, h, w, c)."""
    found = max_pool(node, x.movedim(-1, 1), **attributes)
    assert isinstance(found, Tensor)  # the operator has no second output
    return found.movedim(1, -1)


@operator("GridSample", domain=MICROSOFT)
def grid_sample(
    node: Node,
    x: Tensor,
    grid: Tensor,
    align_corners: int = 0,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
) -> Tensor:
    """x (b, c, h, w) read at the places of the grid (b, h', w', 2), which run from -1 to 1 over the image."""
    return functional.grid_sample(x, grid, mode, padding_mode, bool(align_corners))


@operator("Inverse", domain=MICROSOFT)
def inverse(node: Node, x: Tensor) -> Tensor:
    """The inverse of each matrix."""
    found: Tensor = torch.linalg.inv(x)
    return found


@operator("ExpandDims", domain=MICROSOFT)
def expand_dims(node: Node, x: Tensor, axis: Tensor) -> Tensor:
    """A new axis of length 1."""
    return x.unsqueeze(int(axis))


@operator("CropAndResize", domain=MICROSOFT)
def crop_and_resize(
    node: Node,
    x: Tensor,
    rois: Tensor,
    batch_indices: Tensor,
    crop_size: Tensor,
    mode: str = "bilinear",
    extrapolation_value: float = 0.0,
) -> Tensor:
    """Boxes (y1, x1, y2, x2), in units of the image, of x (b, c, h, w), each sampled from corner to corner."""
    height, width = crop_size.tolist()
    ys, xs = _places(rois[:, 0], rois[:, 2], x.shape[2], height), _places(rois[:, 1], rois[:, 3], x.shape[3], width)
    inside = _within(ys, x.shape[2])[:, :, None] & _within(xs, x.shape[3])[:, None, :]
    image = batch_indices.long()[:, None, None]

    def read(rows: Tensor, columns: Tensor) -> Tensor:
        rows = torch.minimum(torch.maximum(rows, rows.new_zeros(())), rows.new_tensor(x.shape[2] - 1)).long()
        columns = torch.minimum(
            torch.maximum(columns, columns.new_zeros(())), columns.new_tensor(x.shape[3] - 1)
        ).long()
        return x[image, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)

    if mode == "nearest":
        found = read(torch.round(ys), torch.round(xs))
    else:
        down, right = (ys - ys.floor())[:, None, :, None], (xs - xs.floor())[:, None, None, :]
        top = torch.lerp(read(ys.floor(), xs.floor()), read(ys.floor(), xs.ceil()), right)
        bottom = torch.lerp(read(ys.ceil(), xs.floor()), read(ys.ceil(), xs.ceil()), right)
        found = torch.lerp(top, bottom, down)
    return torch.where(inside[:, None], found, extrapolation_value)


def _places(start: Tensor, stop: Tensor, size: int, count: int) -> Tensor:
    """`count` places from start to stop in pixels, (boxes, count); the middle where it is one."""
    if count == 1:
        return ((start + stop) / 2 * (size - 1))[:, None]
    share = torch.arange(count, device=start.device, dtype=start.dtype) / (count - 1)
    return (start[:, None] + (stop - start)[:, None] * share) * (size - 1)


def _within(places: Tensor, size: int) -> Tensor:
    return (places >= 0) & (places <= size - 1)


def _as_the_standard(name: str, version: int) -> None:
    """Enter an operator that means what the standard's operator of the same name means at this version."""

    def function(node: Node, *inputs: Any, **attributes: Any) -> Any:
        standard: Callable[..., Any] | None = lookup("", name, version)
        assert standard is not None
        return standard(replace(node, domain="", version=version), *inputs, **attributes)

    operator(name, domain=MICROSOFT)(function)


for _name, _version in {"Trilu": 14, "Pad": 11, "GatherND": 12}.items():
    _as_the_standard(_name, _version)
