"""Resize along one axis: which input cells make up each output cell, and with which weights.

Positions are computed in float32 as onnxruntime computes them: a nearest neighbour hangs on the last bit.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.adapters.onnx_torch.operator_table import Unsupported

Floats = NDArray[Any]


@dataclass(frozen=True)
class Axis:
    """How one axis is resampled; names of modes as in ONNX, `mode` one of nearest, linear, cubic."""

    size: int
    out: int
    scale: float
    mode: str = "nearest"
    coordinates: str = "half_pixel"
    nearest: str = "round_prefer_floor"
    cubic: float = -0.75
    exclude_outside: bool = False
    antialias: bool = False
    region: tuple[float, float] = (0.0, 1.0)

    @property
    def unchanged(self) -> bool:
        """Whether every output cell is the input cell of the same index."""
        cropped = self.coordinates == "tf_crop_and_resize" and self.region != (0.0, 1.0)
        return self.out == self.size and self.scale == 1 and not cropped

    @property
    def whole(self) -> bool:
        """Whether the scale is just the ratio of the sizes, as for torch."""
        return abs(self.scale * self.size - self.out) < 1e-5 * self.out


@dataclass(frozen=True, eq=False)
class Taps:
    """For each output cell the input cells it takes, (out, k), their weights, and whether it lies outside."""

    cells: NDArray[np.int64]
    weights: Floats
    outside: NDArray[np.bool_]


@lru_cache(maxsize=512)
def taps(axis: Axis) -> Taps:
    """The table for one axis."""
    positions = _positions(axis)
    outside = np.zeros(axis.out, bool)
    if axis.coordinates == "tf_crop_and_resize":
        outside = (positions < 0) | (positions > axis.size - 1)
    if axis.mode == "nearest":
        cells, weights = _nearest(positions, axis.nearest)[:, None], np.ones((axis.out, 1))
    else:
        cells, weights = _weighted(axis, positions.astype(np.float64))
    if axis.exclude_outside and axis.mode != "nearest":
        weights = np.where((cells < 0) | (cells >= axis.size), 0.0, weights)
        total = weights.sum(1, keepdims=True)
        weights = weights / np.where(total == 0, 1.0, total)
    return Taps(np.clip(cells, 0, axis.size - 1), weights, outside)


def same_cells(axis: Axis, step: Axis) -> bool:
    """Whether both take the same single cells."""
    return bool(np.array_equal(taps(axis).cells, taps(step).cells))


def by_steps(axis: Axis) -> Axis:
    """The nearest neighbours that torch's plain `nearest` takes for the same sizes."""
    return replace(axis, coordinates="asymmetric", nearest="floor", scale=axis.out / axis.size)


def _positions(axis: Axis) -> Floats:
    """Where each output cell lies on the input, in cells, float32."""
    one = np.float32
    cells = np.arange(axis.out, dtype=one)
    scale, last = one(axis.scale), one(axis.size - 1)
    centred = (cells + one(0.5)) / scale
    match axis.coordinates:
        case "asymmetric":
            found = cells / scale
        case "tf_half_pixel_for_nn":
            found = centred
        case "align_corners":
            # As the standard's cases have it: by the length before it is cut down (onnxruntime: after).
            length = one(axis.out) if axis.whole else scale * one(axis.size)
            found = cells * last / (length - one(1)) if length != 1 else cells * 0
        case "tf_crop_and_resize":
            found = _inside(axis, cells, last)
        case "pytorch_half_pixel" if axis.out == 1:
            found = cells
        case "half_pixel" | "pytorch_half_pixel":
            found = centred - one(0.5)
        case "half_pixel_symmetric":
            shift = one(axis.size / 2) * (one(1) - one(axis.out) / (scale * one(axis.size)))
            found = shift + centred - one(0.5)
        case unknown:
            raise Unsupported(f"Resize coordinate_transformation_mode {unknown!r}")
    return found


def _inside(axis: Axis, cells: Floats, last: np.float32) -> Floats:
    start, end = (np.float32(edge) for edge in axis.region)
    if axis.out == 1:
        return cells + np.float32(0.5) * (start + end) * last
    return start * last + cells * (end - start) * last / np.float32(axis.out - 1)


_HALF = 0.5 + 1e-6  # onnxruntime takes what lies this near to the middle for the middle
_ROUNDINGS: dict[str, Callable[[Floats], Floats]] = {
    "round_prefer_floor": lambda positions: np.ceil(positions.astype(np.float64) - _HALF),
    "round_prefer_ceil": lambda positions: np.floor(positions.astype(np.float64) + _HALF),
    "floor": np.floor,
    "ceil": np.ceil,
}


def _nearest(positions: Floats, rule: str) -> NDArray[np.int64]:
    if rule not in _ROUNDINGS:
        raise Unsupported(f"Resize nearest_mode {rule!r}")
    return _ROUNDINGS[rule](positions).astype(np.int64)


def _weighted(axis: Axis, positions: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Cells around each position and their weights; a kernel is widened by antialias when shrinking."""
    squeeze = min(axis.scale, 1.0) if axis.antialias else 1.0
    reach = int(np.ceil((1 if axis.mode == "linear" else 2) / squeeze))
    cells = np.floor(positions)[:, None].astype(np.int64) + np.arange(-reach + (not axis.antialias), reach + 1)
    distance = np.abs(positions[:, None] - cells) * squeeze
    weights = np.maximum(1 - distance, 0) if axis.mode == "linear" else _cubic(distance, axis.cubic)
    return cells, weights / weights.sum(1, keepdims=True) if axis.antialias else weights


def _cubic(distance: Floats, a: float) -> Floats:
    """Keys' kernel (1981), eq. 4, with its slope `a` at distance 1."""
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
