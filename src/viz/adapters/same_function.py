"""Is it the same network at another size? Where two images show the same pixels, layers must have the same values.

An image of the model's own size and one of the other share a rectangle of noise. Positions of a layer that see
nothing but this rectangle have the same values in both, wherever it lies, or the network at the other size is
another function.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, lcm

import numpy as np

from viz.core.result import FloatArray

Run = Callable[[FloatArray], Mapping[str, FloatArray]]
Shift = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """Position i along `axis` of a layer's values sees pixels `low + i * step` to `high + i * step`."""

    axis: int
    low: Fraction
    high: Fraction
    step: Fraction


@dataclass(frozen=True)
class Pair:
    """What a layer sees along y and x at the model's own size, and at the other."""

    own: tuple[Window, Window]
    other: tuple[Window, Window]

    @property
    def shifts(self) -> tuple[Fraction, Fraction]:
        """By how many pixels the first window begins later at the other size, where padding depends on it."""
        return self.other[0].low - self.own[0].low, self.other[1].low - self.own[1].low

    def fits(self, own_size: tuple[int, int], other_size: tuple[int, int]) -> bool:
        """Whether one position's window lies inside what images of both sizes can share."""
        sizes = zip(self.own, own_size, other_size, strict=True)
        return all(window.high - window.low < min(own, other) for window, own, other in sizes)


@dataclass(frozen=True)
class Found:
    """Of one layer: the largest difference relative to its largest value, and how many positions were compared."""

    difference: float
    positions: int


def compared(
    pairs: Mapping[str, Pair],
    run_own: Run,
    run_other: Run,
    own_size: tuple[int, int],
    other_size: tuple[int, int],
    period: int = 0,
) -> dict[str, Found]:
    """What was found for each layer that has positions to compare.

    `period` is a number of pixels by which the network may be moved over the image, a multiple of all strides: the
    rectangle is then also compared as far from its first place as that allows; 0 where it is not known.
    """
    if not pairs:
        return {}
    noise = np.random.default_rng(0).random((3, *other_size), np.float32)
    other = run_other(noise[None])
    found: dict[str, Found] = {}
    for shift in _shifts(pairs, own_size, other_size, period):
        own = run_own(_sharing(noise, own_size, shift)[None])
        for name, pair in pairs.items():
            one = _compared(pair, own[name][0], other[name][0], own_size, other_size, shift)
            if one is not None:
                before = found.get(name, Found(0.0, 0))
                found[name] = Found(max(one.difference, before.difference), one.positions + before.positions)
    return found


def _shifts(pairs: Mapping[str, Pair], own: tuple[int, int], other: tuple[int, int], period: int) -> list[Shift]:
    """By how many pixels the own image is moved over the other; both (y, x)."""
    # The layer with the widest steps tells how padding that depends on the size has moved the others.
    widest = max(pairs.values(), key=lambda pair: pair.own[0].step)
    first = tuple(round(shift) for shift in widest.shifts)
    away = [int((b - a) / period) * period if period else 0 for a, b in zip(own, other, strict=True)]
    shifts = [(first[0], first[1]), (first[0] + away[0], first[1] + away[1])]
    return list(dict.fromkeys(shifts))


def _sharing(noise: FloatArray, size: tuple[int, int], shift: Shift) -> FloatArray:
    """An image (3, h, w) with the pixels of `noise` moved by `shift`, and other noise where that has none."""
    image = np.random.default_rng(1).random((3, *size), np.float32)
    (y, top), (x, left) = ((max(0, -d), max(0, d)) for d in shift)
    part = noise[:, top : top + size[0] - y, left : left + size[1] - x]
    image[:, y : y + part.shape[1], x : x + part.shape[2]] = part
    return image


def _compared(
    pair: Pair, own: FloatArray, other: FloatArray, own_size: tuple[int, int], other_size: tuple[int, int], shift: Shift
) -> Found | None:
    """The difference; infinite where windows cannot lie upon each other; None where no position sees enough."""
    own_places, other_places = [slice(None)] * own.ndim, [slice(None)] * other.ndim
    positions = 1
    for k in (0, 1):
        a, b, moved = pair.own[k], pair.other[k], (pair.own[k].low - pair.other[k].low + shift[k]) / pair.own[k].step
        if moved.denominator != 1:
            return Found(float("inf"), 0)
        first, last = max(0, -shift[k]), min(own_size[k], other_size[k] - shift[k]) - 1
        axis = a.axis - 1  # one image's values have no batch axis
        low = max(ceil((first - a.low) / a.step), 0, -int(moved))
        high = min(floor((last - a.high) / a.step), own.shape[axis] - 1, other.shape[b.axis - 1] - 1 - int(moved))
        if high < low:
            return None
        own_places[axis] = slice(low, high + 1)
        other_places[b.axis - 1] = slice(low + int(moved), high + int(moved) + 1)
        positions *= high - low + 1
    here, there = own[tuple(own_places)], other[tuple(other_places)]
    if here.shape != there.shape or not np.array_equal(np.isfinite(here), np.isfinite(there)):
        return Found(float("inf"), 0)
    scale = float(np.nanmax(np.abs(own))) or 1.0
    return Found(float(np.nanmax(np.abs(here - there))) / scale, positions)


def period_of(steps: Sequence[Fraction]) -> int:
    """The smallest whole number of pixels that is a multiple of all steps."""
    return lcm(*(step.numerator for step in steps)) if steps else 1
