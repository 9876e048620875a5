"""Resizes that torch's own interpolation computes: the same result, in one kernel."""

from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional

from viz.adapters.onnx_torch.operators._resize_taps import Axis, by_steps, same_cells

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


def interpolated(x: Tensor, axes: Mapping[int, Axis]) -> Tensor | None:
    """`x` resized along one to three axes by functional.interpolate; None where that would not be the same."""
    found = _torch_mode(list(axes.values()))
    if found is None:
        return None
    mode, align_corners, antialias = found
    order = [i for i in range(x.dim()) if i not in axes] + sorted(axes)
    moved = x.permute(order)
    kept = moved.shape[: x.dim() - len(axes)]
    if len(kept) != 2:
        moved = moved.reshape(1, kept.numel(), *moved.shape[len(kept) :])
    size = [axes[i].out for i in sorted(axes)]
    larger = functional.interpolate(moved, size, mode=mode, align_corners=align_corners, antialias=antialias)
    back = sorted(range(x.dim()), key=lambda i: order[i])
    return larger.reshape(*kept, *size).permute(back)


def _torch_mode(axes: list[Axis]) -> tuple[str, bool | None, bool] | None:
    """The arguments mode, align_corners and antialias of F.interpolate."""
    first = axes[0]
    if not 1 <= len(axes) <= 3 or not all(axis.whole for axis in axes) or first.coordinates == "tf_crop_and_resize":
        return None
    if first.mode == "nearest":
        return ("nearest", None, False) if all(map(_plain_nearest, axes)) else None
    aligned = first.coordinates == "align_corners"
    shrinks = min(axis.scale for axis in axes) < 1
    if first.exclude_outside or (first.antialias and shrinks) or not (aligned or all(map(_half_pixel, axes))):
        return None
    if first.mode == "linear":
        return _LINEAR[len(axes)], aligned, False
    # Two axes and this slope are all that torch has.
    return ("bicubic", aligned, False) if len(axes) == 2 and first.cubic == -0.75 else None


def _plain_nearest(axis: Axis) -> bool:
    """Only whole ratios: for others torch rounds its own way."""
    whole = axis.out % axis.size == 0 or axis.size % axis.out == 0
    return whole and same_cells(axis, by_steps(axis))


def _half_pixel(axis: Axis) -> bool:
    """Also by other names: the symmetric kind with a whole scale, pytorch's with more than one cell."""
    return axis.coordinates in ("half_pixel", "half_pixel_symmetric") or (
        axis.coordinates == "pytorch_half_pixel" and axis.out > 1
    )
