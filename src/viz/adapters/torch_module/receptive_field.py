"""Which pixels a torch layer's positions see, found by running: rows of NaN make NaN of whatever sees them."""

from collections.abc import Callable
from math import ceil, floor

import numpy as np

from viz.core.adapter import Layer, ReceptiveField
from viz.core.result import FloatArray

Span = tuple[int, int]  # first and last position that sees a pixel, along one axis
Axis = tuple[int, float, float]  # size, stride and offset along one axis
ValuesOf = Callable[[FloatArray], FloatArray]


def field_by_running(values_of: ValuesOf, layer: Layer, image_size: tuple[int, int]) -> ReceptiveField | None:
    """The field of a feature map (b, c, rows, columns), `values_of(images)`; a dozen runs on one image each.

    None where it cannot be told: for other layers, where every position in the middle sees nearly everything, and
    where positions do not lie evenly. No value hides a pixel in this, as one behind a rectifier that is off would.
    """
    if layer.shape is None or len(layer.shape) != 4:
        return None
    down, across = (_along(_Seeing(values_of, image_size, axis)) for axis in (0, 1))
    if down is None or across is None:
        return None
    return ReceptiveField((down[0], across[0]), (down[1], across[1]), (down[2], across[2]))


class _Seeing:
    """Which positions see the row, or on axis 1 the column, of a pixel."""

    def __init__(self, values_of: ValuesOf, image_size: tuple[int, int], axis: int):
        self._values_of, self._image_size, self._axis = values_of, image_size, axis
        self.pixels = image_size[axis]
        self.positions = 0  # known after the first question
        self._known: dict[int, Span | None] = {}

    def __call__(self, pixel: int) -> Span | None:
        """First and last position; None where none sees the pixel."""
        if pixel not in self._known:
            self._known[pixel] = self._found(pixel)
        return self._known[pixel]

    def _found(self, pixel: int) -> Span | None:
        image = np.full((1, 3, *self._image_size), 0.5, np.float32)
        line = image[:, :, pixel] if self._axis == 0 else image[..., pixel]
        line[:] = np.nan
        spoilt = np.isnan(self._values_of(image)[0]).any(axis=0)
        self.positions = spoilt.shape[self._axis]
        found = np.flatnonzero(spoilt.any(axis=1 - self._axis))
        return (int(found[0]), int(found[-1])) if len(found) else None


def _along(seeing: _Seeing) -> Axis | None:
    """The field along one axis: that of the first stride which foretells what other pixels are seen by."""
    seeing(0)
    if seeing.positions < 2:
        return None
    near = round(seeing.pixels / seeing.positions)  # padding makes it one more or less
    fields = (_with_stride(seeing, stride) for stride in (near, near + 1, near - 1) if stride > 0)
    return next((field for field in fields if field and _foretells(field, seeing)), None)


def _with_stride(seeing: _Seeing, stride: int) -> Axis | None:
    """The field from the pixels in the middle where the first and the last position that see them move on."""
    low = (seeing.pixels - stride) // 2
    # Between fields that are smaller than the stride lie pixels that nothing sees.
    low = next((pixel for pixel in range(low, max(-1, low - stride), -1) if seeing(pixel)), 0)
    start, end = seeing(low), seeing(low + stride)
    if start is None or end is None or (end[0] - start[0], end[1] - start[1]) != (1, 1):
        return None
    left = _first(seeing, low, low + stride, lambda span: span is None or span[0] != start[0])
    joined = _first(seeing, low, low + stride, lambda span: span is not None and span[1] == end[1])
    last_seen, offset = left - 1 - start[0] * stride, joined - end[1] * stride
    return last_seen - offset + 1, float(stride), float(offset)


def _first(seeing: _Seeing, low: int, high: int, holds: Callable[[Span | None], bool]) -> int:
    """The first pixel after `low`, up to `high`, for which something holds that goes on to hold."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(seeing(middle)) else (middle, high)
    return high


def _foretells(field: Axis, seeing: _Seeing) -> bool:
    """Whether pixels elsewhere are seen by the positions that follow from the field."""
    size, stride, offset = field
    for pixel in (0, seeing.pixels // 4, 3 * seeing.pixels // 4, seeing.pixels - 1):
        first = max(0, ceil((pixel - offset - size + 1) / stride))
        last = min(seeing.positions - 1, floor((pixel - offset) / stride))
        if seeing(pixel) != ((first, last) if first <= last else None):
            return False
    return True
