"""Resize and Upsample: any mode along any axes, by torch's interpolation wherever it gives the same."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from viz.adapters.onnx_torch.operator_table import Unsupported, operator
from viz.adapters.onnx_torch.operators._resize_fast import interpolated
from viz.adapters.onnx_torch.operators._resize_region import resized_region
from viz.adapters.onnx_torch.operators._resize_taps import Axis, taps
from viz.adapters.onnx_torch.operators._vmap import is_batched, needs_gradient
from viz.adapters.onnx_torch.operators._windows import Ints

_MODES = {"nearest": "nearest", "linear": "linear", "bilinear": "linear", "trilinear": "linear", "cubic": "cubic"}
_MANY_TAPS = 6  # from here on a product with a whole matrix is quicker than a sum of shifted copies


@operator("Upsample")
def upsample(
    node: Any,
    x: Tensor,
    scales_given: Tensor | None = None,
    *,
    mode: str = "nearest",
    scales: Sequence[float] | None = None,
    height_scale: float = 1.0,
    width_scale: float = 1.0,
) -> Tensor:
    """The old form of Resize: cell i comes from position i / scale."""
    if scales_given is not None:
        scales = scales_given.tolist()
    factors = scales if scales is not None else [1.0, 1.0, height_scale, width_scale]
    return resized(x, _axes_by_scale(x.shape, dict(enumerate(factors)), _how(mode, "asymmetric", "floor")))


@operator("Resize")
def resize_10(node: Any, x: Tensor, scales: Tensor, mode: str = "nearest") -> Tensor:
    """As Upsample; an axis that shrinks takes the next neighbour above, as onnxruntime does."""
    axes = _axes_by_scale(x.shape, dict(enumerate(scales.tolist())), _how(mode, "asymmetric", "floor"))
    shrinking = {i: replace(axis, nearest="ceil") for i, axis in axes.items() if axis.scale < 1}
    return resized(x, axes | shrinking)


@operator("Resize", since=11)
def resize(
    node: Any,
    x: Tensor,
    roi: Tensor | None = None,
    scales: Tensor | None = None,
    sizes: Tensor | None = None,
    mode: str = "nearest",
    coordinate_transformation_mode: str = "half_pixel",
    nearest_mode: str = "round_prefer_floor",
    cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0,
    extrapolation_value: float = 0.0,
    antialias: int = 0,
    axes: Ints | None = None,
    keep_aspect_ratio_policy: str = "stretch",
) -> Tensor:
    """`x` resampled to `sizes`, or by `scales`, along `axes` (all of them by default)."""
    along = [axis % x.dim() for axis in axes] if axes is not None else list(range(x.dim()))
    how = _how(mode, coordinate_transformation_mode, nearest_mode) | {
        "cubic": cubic_coeff_a,
        "exclude_outside": bool(exclude_outside),
        "antialias": bool(antialias),
    }
    crops = coordinate_transformation_mode == "tf_crop_and_resize"
    moving = roi if crops and roi is not None and (needs_gradient(roi) or is_batched(roi)) else None
    regions = _regions(roi, along) if crops and moving is None else {}
    if sizes is not None and sizes.numel():
        wanted = dict(zip(along, sizes.tolist(), strict=True))
        found = _axes_by_size(x.shape, wanted, keep_aspect_ratio_policy, how, regions)
    elif scales is not None:
        found = _axes_by_scale(x.shape, dict(zip(along, scales.tolist(), strict=True)), how, regions)
    else:
        raise Unsupported("Resize with neither scales nor sizes")
    if moving is not None:
        return resized_region(x, moving, found, extrapolation_value)
    return resized(x, found, extrapolation_value)


def resized(x: Tensor, axes: Mapping[int, Axis], extrapolation_value: float = 0.0) -> Tensor:
    """`x` resampled along the given axes."""
    axes = {index: axis for index, axis in axes.items() if not axis.unchanged}
    if not axes:
        return x
    if not x.is_floating_point():
        return _of_integers(x, axes, extrapolation_value)
    found = interpolated(x, axes)
    return found if found is not None else _along_each(x, axes, extrapolation_value)


def _of_integers(x: Tensor, axes: Mapping[int, Axis], extrapolation_value: float) -> Tensor:
    """Means of integers are cut towards zero, as onnxruntime does (the standard leaves it open)."""
    modes = {axis.mode for axis in axes.values()}
    if "cubic" in modes:
        raise Unsupported("Resize of integers by cubic interpolation")
    if modes == {"nearest"}:
        return _along_each(x, axes, extrapolation_value)
    return _along_each(x.to(torch.float32), axes, extrapolation_value).to(x.dtype)


def _along_each(x: Tensor, axes: Mapping[int, Axis], extrapolation_value: float) -> Tensor:
    """Axis after axis; where a position lies outside of the region, the extrapolation value."""
    for index, axis in axes.items():
        x = _along_one(x, index, axis)
        outside = taps(axis).outside
        if outside.any():
            mask = _along(torch.from_numpy(outside).to(x.device), index, x)
            x = torch.where(mask, torch.full((), extrapolation_value, dtype=x.dtype, device=x.device), x)
    return x


def _along_one(x: Tensor, index: int, axis: Axis) -> Tensor:
    cells, weights = _tables(axis, x.dtype, x.device)
    count = cells.shape[1]
    if axis.mode == "nearest":
        return x.index_select(index, cells[:, 0])
    if count >= _MANY_TAPS:
        matrix = torch.zeros(axis.out, axis.size, dtype=x.dtype, device=x.device).scatter_add(1, cells, weights)
        return torch.matmul(x.movedim(index, -1), matrix.t()).movedim(-1, index)
    parts = [x.index_select(index, cells[:, k]) * _along(weights[:, k], index, x) for k in range(count)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


@lru_cache(maxsize=256)
def _tables(axis: Axis, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    table = taps(axis)
    return torch.from_numpy(table.cells).to(device), torch.from_numpy(table.weights).to(device, dtype)


def _along(values: Tensor, index: int, x: Tensor) -> Tensor:
    return values.reshape([-1 if axis == index else 1 for axis in range(x.dim())])


def _how(mode: str, coordinates: str, nearest: str) -> dict[str, Any]:
    if mode not in _MODES:
        raise Unsupported(f"Resize mode {mode!r}")
    return {"mode": _MODES[mode], "coordinates": coordinates, "nearest": nearest}


def _axes_by_scale(
    shape: torch.Size,
    scales: Mapping[int, float],
    how: Mapping[str, Any],
    regions: Mapping[int, tuple[float, float]] | None = None,
) -> dict[int, Axis]:
    """The output size is cut down, after a product in float32 as in shape inference."""
    return {
        i: Axis(shape[i], int(np.float32(scale) * np.float32(shape[i])), scale, **how, **_region(regions, i))
        for i, scale in scales.items()
    }


def _axes_by_size(
    shape: torch.Size,
    sizes: Mapping[int, int],
    policy: str,
    how: Mapping[str, Any],
    regions: Mapping[int, tuple[float, float]],
) -> dict[int, Axis]:
    """Sizes as they are, or as bounds (policy not_larger, not_smaller) for the same scale along all axes."""
    scales = {i: size / shape[i] for i, size in sizes.items()}
    if policy != "stretch":
        common = min(scales.values()) if policy == "not_larger" else max(scales.values())
        scales = dict.fromkeys(sizes, common)
        sizes = {i: math.floor(common * shape[i] + 0.5) for i in sizes}
    return {i: Axis(shape[i], sizes[i], scales[i], **how, **_region(regions, i)) for i in sizes}


def _regions(roi: Tensor | None, along: Sequence[int]) -> dict[int, tuple[float, float]]:
    """The part of each axis that is resized, as fractions; roi holds all starts, then all ends."""
    if roi is None or not roi.numel():
        raise Unsupported("Resize tf_crop_and_resize without roi")
    edges = roi.tolist()
    return {axis: (edges[k], edges[len(along) + k]) for k, axis in enumerate(along)}


def _region(regions: Mapping[int, tuple[float, float]] | None, axis: int) -> dict[str, Any]:
    return {"region": regions[axis]} if regions else {}
