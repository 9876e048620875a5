"""CropAndResize of onnxruntime's own domain: boxes of images, sampled to one size."""

from collections.abc import Callable

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import MICROSOFT, operator


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
    sizes, counts, starts, stops = x.shape[2:], crop_size.tolist(), rois[:, :2].unbind(1), rois[:, 2:].unbind(1)
    ys, xs = map(_places, starts, stops, sizes, counts)
    image = batch_indices.long()[:, None, None]

    def read(rows: Tensor, columns: Tensor) -> Tensor:
        rows, columns = _cells(rows, sizes[0])[:, :, None], _cells(columns, sizes[1])[:, None, :]
        return x[image, :, rows, columns].movedim(-1, 1)

    found = read(torch.round(ys), torch.round(xs)) if mode == "nearest" else _bilinear(read, ys, xs)
    inside = _within(ys, sizes[0])[:, :, None] & _within(xs, sizes[1])[:, None, :]
    return torch.where(inside[:, None], found, extrapolation_value)


def _places(start: Tensor, stop: Tensor, size: int, count: int) -> Tensor:
    """`count` places from start to stop in pixels, (boxes, count); the middle where it is one."""
    if count == 1:
        return ((start + stop) / 2 * (size - 1))[:, None]
    share = torch.arange(count, device=start.device, dtype=start.dtype) / (count - 1)
    return (start[:, None] + (stop - start)[:, None] * share) * (size - 1)


def _bilinear(read: Callable[[Tensor, Tensor], Tensor], ys: Tensor, xs: Tensor) -> Tensor:
    """Between the four cells around each place: `read` gives the cells in rows and columns."""
    top, left = ys.floor(), xs.floor()
    down, right = (ys - top)[:, None, :, None], (xs - left)[:, None, None, :]
    upper = torch.lerp(read(top, left), read(top, left + 1), right)
    lower = torch.lerp(read(top + 1, left), read(top + 1, left + 1), right)
    return torch.lerp(upper, lower, down)


def _cells(places: Tensor, size: int) -> Tensor:
    """Indices of cells, those outside moved to the border."""
    return torch.where(places < 0, 0.0, torch.where(places > size - 1, size - 1.0, places)).long()


def _within(places: Tensor, size: int) -> Tensor:
    return (places >= 0) & (places <= size - 1)
