"""Putting many filters into few inputs, each at a window of its own, and reading what the layer answers there."""

from dataclasses import dataclass
from math import prod

import numpy as np

from viz.core.adapter import ReceptiveField
from viz.core.result import FloatArray
from viz.techniques.activation._filter_set import FilterSet


@dataclass(frozen=True)
class Windows:
    """Windows of a layer that lie inside its input and do not overlap.

    Attributes:
        positions: (k, 2): row and column of the layer's position that sees each.
        corners: (k, 2): first row and column of each window.
        dilations: rows, columns between two taps.
    """

    positions: list[tuple[int, int]]
    corners: list[tuple[int, int]]
    dilations: tuple[int, int]


def windows_in(filters: FilterSet, size: tuple[int, int], field: ReceptiveField | None = None) -> Windows:
    """Windows in an input of `size`; `field` is the layer's on the image, where zeros are put around that as well."""
    kernel = filters.kernel
    reach = [d * (k - 1) + 1 for d, k in zip(kernel.dilations, filters.size, strict=True)]
    known = field is not None and not field.everywhere and field.size == tuple(reach)
    first = field.offset if field is not None and known else (-kernel.pads[0], -kernel.pads[1])
    rows, columns = (_along(int(first[k]), kernel.strides[k], reach[k], size[k]) for k in (0, 1))
    places = [(row, column) for row in rows for column in columns]
    positions = [(row[0], column[0]) for row, column in places]
    return Windows(positions, [(row[1], column[1]) for row, column in places], kernel.dilations)


def _along(first: int, stride: int, reach: int, length: int) -> list[tuple[int, int]]:
    """(position, start) of windows along one axis."""
    found: list[tuple[int, int]] = []
    position = max(0, -(first // stride))  # the first window that begins inside
    while (start := first + position * stride) + reach <= length:
        if not found or start >= found[-1][1] + reach:
            found.append((position, start))
        position += 1
    return found


def planted(filters: FilterSet, windows: Windows, shape: tuple[int, int, int], strengths: FloatArray) -> FloatArray:
    """Inputs (m, channels, rows, columns), 0 but for each filter's unit input times its strength at its window."""
    count, each = len(filters.units), len(windows.corners)
    inputs = np.zeros((-(-count // each), *shape), np.float32)
    rows, columns = filters.size
    down, across = windows.dilations
    for number, unit in enumerate(filters.units):
        top, left = windows.corners[number % each]
        part = inputs[number // each, filters.inputs_of(number)]
        part[:, top : top + rows * down : down, left : left + columns * across : across] = unit * strengths[number]
    return inputs


def answers(values: FloatArray, windows: Windows, count: int) -> FloatArray:
    """What each of `count` filters' own channel is at its window, (count,); `values` are (m, channels, rows, columns).

    Also of layers with channels last.
    """
    channels_last = values.shape[1] != count
    found = values.transpose(0, 3, 1, 2) if channels_last else values
    each = len(windows.positions)
    numbers = np.arange(count)
    rows, columns = np.array(windows.positions).T[:, numbers % each]
    read: FloatArray = found[np.minimum(numbers // each, len(found) - 1), numbers, rows, columns]
    return read


def planted_rows(filters: FilterSet, shape: tuple[int, ...], strengths: FloatArray) -> FloatArray:
    """The same for a dense layer whose input is (…, channels): (m, …, channels), one filter at each position."""
    flat = filters.units[:, :, 0, 0] * strengths[:, None]
    each = prod(shape[:-1])
    inputs = np.zeros((-(-len(flat) // each) * each, shape[-1]), np.float32)
    inputs[: len(flat)] = flat
    return inputs.reshape(-1, *shape)


def answers_in_rows(values: FloatArray, count: int) -> FloatArray:
    """What each of `count` filters' own channel is at its position, (count,)."""
    rows = values.reshape(-1, values.shape[-1])
    numbers = np.arange(count)
    read: FloatArray = rows[numbers % len(rows), numbers]
    return read
