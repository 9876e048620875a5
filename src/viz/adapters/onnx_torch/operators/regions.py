"""RoiAlign: boxes of a feature map, each resampled to the same small grid."""

import math
from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from viz.adapters.onnx_torch.operator_table import operator


@dataclass(frozen=True)
class _Grid:
    """Cells of the result and how many samples each takes, along both axes."""

    rows: int
    columns: int
    row_samples: int
    column_samples: int


@operator("RoiAlign")
def roi_align_10(node: Any, x: Tensor, rois: Tensor, batch_indices: Tensor, **attributes: Any) -> Tensor:
    """Before opset 16 the corners of boxes are centres of cells."""
    return roi_align(node, x, rois, batch_indices, "output_half_pixel", **attributes)


@operator("RoiAlign", since=16)
def roi_align(
    node: Any,
    x: Tensor,
    rois: Tensor,
    batch_indices: Tensor,
    coordinate_transformation_mode: str = "half_pixel",
    mode: str = "avg",
    output_height: int = 1,
    output_width: int = 1,
    sampling_ratio: int = 0,
    spatial_scale: float = 1.0,
) -> Tensor:
    """x (b, c, h, w), rois (n, 4) as x1, y1, x2, y2 -> (n, c, output_height, output_width).

    With sampling_ratio 0 larger boxes take more samples for each cell, and their sizes are read; otherwise
    boxes may depend on the image under vmap too.
    """
    halves = coordinate_transformation_mode == "half_pixel"
    corners = rois * spatial_scale - (0.5 if halves else 0.0)
    starts, sizes = corners[:, :2], corners[:, 2:] - corners[:, :2]
    if not halves:  # boxes were at least one cell large
        sizes = torch.maximum(sizes, torch.ones_like(sizes))
    if sampling_ratio or not len(rois):
        grid = _Grid(output_height, output_width, sampling_ratio or 1, sampling_ratio or 1)
        return _pooled(x, starts, sizes, batch_indices, grid, mode)
    counts = [(math.ceil(height / output_height), math.ceil(width / output_width)) for width, height in sizes.tolist()]
    order: list[int] = []
    found = []
    for count in dict.fromkeys(counts):
        members = [i for i, other in enumerate(counts) if other == count]
        grid = _Grid(output_height, output_width, *count)
        found.append(_pooled(x, starts[members], sizes[members], batch_indices[members], grid, mode))
        order += members
    return torch.cat(found)[sorted(range(len(order)), key=order.__getitem__)]


def _pooled(x: Tensor, starts: Tensor, sizes: Tensor, images: Tensor, grid: _Grid, mode: str) -> Tensor:
    """The mean, or the maximum, of each cell's samples."""
    low_y, high_y, part_y, inside_y = _samples(starts[:, 1], sizes[:, 1], grid.rows, grid.row_samples, x.shape[2])
    low_x, high_x, part_x, inside_x = _samples(starts[:, 0], sizes[:, 0], grid.columns, grid.column_samples, x.shape[3])
    planes = x.movedim(1, -1)
    image = images[:, None, None].to(torch.int64)
    corners = [
        planes[image, rows[:, :, None], columns[:, None, :]] * (along_y[:, :, None] * along_x[:, None, :])[..., None]
        for rows, along_y in ((low_y, 1 - part_y), (high_y, part_y))
        for columns, along_x in ((low_x, 1 - part_x), (high_x, part_x))
    ]
    # The standard's maximum is over the weighted corners, not over the interpolated samples.
    samples = reduce(torch.add if mode == "avg" else torch.maximum, corners)
    samples = samples * (inside_y[:, :, None] & inside_x[:, None, :])[..., None]
    cells = samples.reshape(-1, grid.rows, grid.row_samples, grid.columns, grid.column_samples, samples.shape[-1])
    return (cells.mean((2, 4)) if mode == "avg" else cells.amax((2, 4))).movedim(-1, 1)


def _samples(
    start: Tensor, size: Tensor, cells: int, samples: int, length: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Along one axis, for each box and sample: the cells below and above, how far in between it lies, and
    whether it counts (at most one cell off the map)."""
    steps = (torch.arange(cells * samples, dtype=start.dtype, device=start.device) + 0.5) / (cells * samples)
    places = start[:, None] + size[:, None] * steps
    inside = (places >= -1) & (places <= length)
    last = torch.full_like(places, length - 1)
    places = torch.minimum(torch.maximum(places, torch.zeros_like(places)), last)
    low = places.floor()
    high = torch.minimum(low + 1, last)
    return low.to(torch.int64), high.to(torch.int64), places - low, inside
