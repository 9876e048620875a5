"""Which pixels torch layers' positions see, found by running: rows of NaN make NaN of whatever sees them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import ceil, floor, prod

import numpy as np

from viz.core.adapter import Layer, ReceptiveField
from viz.core.errors import ModelError
from viz.core.result import FloatArray

Span = tuple[int, int]  # first and last position that sees some of the pixels, along one axis
Axis = tuple[int, float, float]  # size, stride and offset along one axis
ValuesOf = Callable[[FloatArray, Sequence[str]], Mapping[str, FloatArray]]

_MOST_VALUES_TOGETHER = 1 << 26  # of all layers, for one image


class FieldsByRunning:
    """The fields of a model's feature maps (b, c, rows, columns), `values_of(images, names)`.

    Some dozen runs on one image each; from the second layer on, a run shows all layers, and few more are needed.
    No value hides a pixel in this, as one behind a rectifier that is off would.
    """

    def __init__(self, values_of: ValuesOf, layers: Mapping[str, Layer], image_size: tuple[int, int]):
        self._values_of, self._layers, self._image_size = values_of, layers, image_size
        maps = {name: layer.shape for name, layer in layers.items() if layer.shape and len(layer.shape) == 4}
        values = sum(prod(length or 1 for length in shape) for shape in maps.values())
        self._together = list(maps) if values <= _MOST_VALUES_TOGETHER else []
        self._known: dict[tuple[int, int, int], Mapping[str, Span | None]] = {}
        self._found: dict[str, ReceptiveField | None] = {}

    def __getitem__(self, name: str) -> ReceptiveField | None:
        """The field of a layer; None where it cannot be told.

        That is so for other layers, where positions do not lie evenly, where too few windows begin or end within the
        image, and for a model that refuses pixels that are no numbers.
        """
        if name not in self._found:
            shape = self._layers[name].shape
            self._found[name] = self._field(name) if shape is not None and len(shape) == 4 else None
        return self._found[name]

    def _field(self, name: str) -> ReceptiveField | None:
        try:
            down, across = (
                _along(pixels, partial(self._seeing, name, axis)) for axis, pixels in enumerate(self._image_size)
            )
        except ModelError:
            return None
        if down is None or across is None:
            return None
        whole = all(found == _whole(length) for found, length in zip((down, across), self._image_size, strict=True))
        return ReceptiveField((down[0], across[0]), (down[1], across[1]), (down[2], across[2]), whole)

    def _seeing(self, name: str, axis: int, first: int, stop: int) -> Span | None:
        """The first and the last position that see any of the pixels from `first` to before `stop`."""
        known = self._known.get((axis, first, stop), {})
        if name not in known:
            known = self._run(name, axis, slice(first, stop))
            self._known[axis, first, stop] = known
        return known[name]

    def _run(self, name: str, axis: int, pixels: slice) -> Mapping[str, Span | None]:
        image = np.full((1, 3, *self._image_size), 0.5, np.float32)
        image[(..., pixels, slice(None)) if axis == 0 else (..., pixels)] = np.nan
        # Often one layer is all that is asked for; all layers' values take their time.
        names = self._together if self._found and name in self._together else [name]
        return {n: _spoilt(values[0], axis) for n, values in self._values_of(image, names).items()}


def _spoilt(values: FloatArray, axis: int) -> Span | None:
    found = np.flatnonzero(np.isnan(values).any(axis=(0, 2 - axis)))
    return (int(found[0]), int(found[-1])) if len(found) else None


class _Line:
    """The pixels along one axis, by what `seeing(first, stop)` tells of those from `first` to before `stop`."""

    def __init__(self, pixels: int, seeing: Callable[[int, int], Span | None], positions: Span):
        self._pixels, self._seeing = pixels, seeing
        self.low, self.high = positions

    def last(self, pixel: int) -> int:
        """The last position whose window has begun."""
        found = self._seeing(0, pixel + 1)
        return self.low - 1 if found is None else found[1]

    def first(self, pixel: int) -> int:
        """The first position whose window still goes on."""
        found = self._seeing(pixel, self._pixels)
        return self.high + 1 if found is None else found[0]

    def begins(self) -> list[int]:
        """Where the windows of the last two positions begin, of those that begin within the image."""
        return [self._begin(k) for k in (self.high - 1, self.high) if self.last(0) < k]

    def ends(self) -> list[int]:
        """Where the windows of the first two positions end, of those that end within the image."""
        return [self._end(k) for k in (self.low, self.low + 1) if k < self.first(self._pixels - 1)]

    def _begin(self, position: int) -> int:
        return _least(self._pixels, lambda pixel: self.last(pixel) >= position)

    def _end(self, position: int) -> int:
        return _least(self._pixels, lambda pixel: self.first(pixel) > position) - 1

    def foretold(self, field: Axis, pixel: int) -> bool:
        """Whether the windows that begin and end before a pixel are those that follow from the field."""
        size, stride, offset = field
        first, last = ceil((pixel - offset - size + 1) / stride), floor((pixel - offset) / stride)
        first, last = max(self.low, min(first, self.high + 1)), min(self.high, max(last, self.low - 1))
        return (self.first(pixel), self.last(pixel)) == (first, last)


def _along(pixels: int, seeing: Callable[[int, int], Span | None]) -> Axis | None:
    """The field along one axis."""
    positions = seeing(0, pixels)
    if positions is None:
        return None
    line = _Line(pixels, seeing, positions)
    if line.last(0) == line.high and line.first(pixels - 1) == line.low:
        return _whole(pixels)
    begins, ends = line.begins(), line.ends()
    strides = {pair[1] - pair[0] for pair in (begins, ends) if len(pair) == 2}
    if not begins or not ends or len(strides) != 1 or 0 in strides:
        return None
    stride = strides.pop()
    offset = begins[-1] - line.high * stride
    found = (ends[0] - line.low * stride - offset + 1, float(stride), float(offset))
    return found if all(line.foretold(found, pixels * part // 4) for part in (1, 2, 3)) else None


def _whole(pixels: int) -> Axis:
    return pixels, 0.0, 0.0


def _least(pixels: int, holds: Callable[[int], bool]) -> int:
    """The least pixel after 0 for which something holds that goes on to hold, and does for the last."""
    low, high = 0, pixels - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
