"""Sampling at computed places: grids, deformed convolution, boxes, and windows put back into an image."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from viz.adapters.onnx_torch.operator_table import Unsupported, operator
from viz.adapters.onnx_torch.operators._windows import Ints, pad_spatial, span

_GRID_MODES = {"linear": "bilinear", "cubic": "bicubic"}  # ONNX renamed them in opset 20


@operator("GridSample")
def grid_sample(
    node: Any,
    x: Tensor,
    grid: Tensor,
    mode: str = "linear",
    padding_mode: str = "zeros",
    align_corners: int = 0,
) -> Tensor:
    """x (b, c, *sizes) at the places (b, *out, rank), each from -1 to 1 with the last axis of x first."""
    if not x.is_floating_point():
        raise Unsupported("GridSample of integers")
    mode = _GRID_MODES.get(mode, mode)
    if x.dim() == 5 and mode == "bicubic":
        raise Unsupported("cubic GridSample in three dimensions")
    return functional.grid_sample(x, grid.to(x.dtype), mode, padding_mode, bool(align_corners))


@operator("AffineGrid")
def affine_grid(node: Any, theta: Tensor, size: Tensor, align_corners: int = 0) -> Tensor:
    """The grid for GridSample that turns an image of this size by the matrices `theta`."""
    sizes = size.tolist()[2:]  # computed here, as torch's own has no rule for vmap
    axes = [_centres(length, bool(align_corners), theta) for length in sizes]
    places = torch.stack((*torch.meshgrid(*axes, indexing="ij")[::-1], torch.ones(sizes).to(theta)), -1)
    found = torch.matmul(places.reshape(-1, len(sizes) + 1), theta.transpose(1, 2))
    return found.reshape(-1, *sizes, len(sizes))


@operator("DeformConv")
def deform_conv(
    node: Any,
    x: Tensor,
    weight: Tensor,
    offset: Tensor,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    dilations: Ints | None = None,
    group: int = 1,
    kernel_shape: Ints | None = None,
    offset_group: int = 1,
    pads: Ints | None = None,
    strides: Ints | None = None,
) -> Tensor:
    """Convolution whose kernel cells are moved by `offset` and scaled by `mask`, in two dimensions.

    x (b, c, h, w), weight (o, c / group, *kernel), offset (b, 2 offset_group k, *out), mask half as many.
    """
    if x.dim() != 4:
        raise Unsupported(f"DeformConv over {x.dim() - 2} axes")
    batch, channels, *sizes = x.shape
    out, cells = list(offset.shape[-2:]), weight.shape[2:].numel()
    moved = offset.reshape(batch, offset_group, cells, 2, *out) + _kernel_places(
        weight.shape[2:], out, strides or [1, 1], dilations or [1, 1], pads or [0] * 4, offset
    )
    aligned = min(sizes) > 1  # exact at whole places; an axis of one cell has no such grid
    extent = torch.tensor(sizes, dtype=x.dtype, device=x.device).reshape(2, 1, 1)
    grid = 2 * moved / (extent - 1) - 1 if aligned else (2 * moved + 1) / extent - 1
    grid = grid.movedim(3, -1).flip(-1)
    groups = x.reshape(batch * offset_group, channels // offset_group, *sizes)
    grid = grid.reshape(batch * offset_group, cells * out[0], out[1], 2).to(x.dtype)
    sampled = functional.grid_sample(groups, grid, align_corners=aligned)
    sampled = sampled.reshape(batch, offset_group, -1, cells, *out)
    if mask is not None:
        sampled = sampled * mask.reshape(batch, offset_group, 1, cells, *out)
    columns = sampled.reshape(batch, group, channels // group * cells, -1)
    rows = weight.reshape(group, weight.shape[0] // group, -1)
    found = torch.matmul(rows, columns).reshape(batch, weight.shape[0], *out)
    return found if bias is None else found + bias.reshape(-1, 1, 1)


@operator("Col2Im")
def col2im(
    node: Any,
    x: Tensor,
    image_shape: Tensor,
    block_shape: Tensor,
    dilations: Ints | None = None,
    pads: Ints | None = None,
    strides: Ints | None = None,
) -> Tensor:
    """Windows (b, c k, n) added into an image (b, c, *image_shape), where they overlap."""
    image, block = image_shape.tolist(), block_shape.tolist()
    rank = len(image)
    dilations, pads, strides = dilations or [1] * rank, pads or [0] * 2 * rank, strides or [1] * rank
    padded = [size + pads[i] + pads[rank + i] for i, size in enumerate(image)]
    places = torch.zeros(1, 1, dtype=torch.int64, device=x.device)
    for i, size in enumerate(padded):  # axis by axis: kernel cells down, windows across
        starts = torch.arange(0, size - span(block[i], dilations[i]) + 1, strides[i], device=x.device)
        cells = torch.arange(block[i], device=x.device) * dilations[i]
        along = cells[:, None, None] + starts
        places = (places[:, None, :, None] * size + along[None]).flatten(2).flatten(0, 1)
    batch, channels = x.shape[0], x.shape[1] // math.prod(block)
    empty = torch.zeros(batch * channels, math.prod(padded), dtype=x.dtype, device=x.device)
    found = empty.index_add(1, places.reshape(-1), x.reshape(batch * channels, -1))
    crops = [-p for p in pads]
    return pad_spatial(found.reshape(batch, channels, *padded), crops[:rank], crops[rank:])


def _centres(length: int, aligned: bool, like: Tensor) -> Tensor:
    """The cells of an axis from -1 to 1: its outermost centres lie there, or its ends."""
    cells = torch.arange(length, dtype=like.dtype, device=like.device)
    if aligned:
        return 2 * cells / (length - 1) - 1 if length > 1 else cells
    return (2 * cells + 1) / length - 1


def _kernel_places(kernel: Ints, out: Ints, strides: Ints, dilations: Ints, pads: Ints, like: Tensor) -> Tensor:
    """Where each kernel cell of each window lies without offsets: (cells, 2, *out)."""

    def along(axis: int) -> Tensor:
        starts = torch.arange(out[axis], dtype=like.dtype, device=like.device) * strides[axis] - pads[axis]
        cells = torch.arange(kernel[axis], dtype=like.dtype, device=like.device) * dilations[axis]
        return cells[:, None] + starts

    shape = (kernel[0], kernel[1], out[0], out[1])
    rows, columns = along(0)[:, None, :, None].expand(shape), along(1)[None, :, None, :].expand(shape)
    return torch.stack([rows, columns], 2).flatten(0, 1)
