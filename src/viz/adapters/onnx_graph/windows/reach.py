"""What a patch on the image reaches of a feature map: along each axis an interval for every start of the patch."""

from dataclasses import dataclass
from functools import cached_property
from math import ceil, lcm

import numpy as np
from numpy.typing import NDArray

from viz.adapters.onnx_graph.receptive_field.span import Span

Ints = NDArray[np.intp]


@dataclass(frozen=True)
class AxisReach:
    """Positions `first[i]` to before `stop[i]` of an axis with `length` positions, for a patch at pixel i."""

    length: int
    first: Ints
    stop: Ints

    @cached_property
    def widths(self) -> Ints:
        """How many positions are reached, at least 1: a window is never empty."""
        widths: Ints = np.maximum(self.stop - self.first, 1)
        return widths

    @property
    def widest(self) -> int:
        """The width that is enough for every start."""
        return int(self.widths.max())

    @property
    def key(self) -> bytes:
        """Equal for equal intervals."""
        return b"|".join([str(self.length).encode(), self.first.tobytes(), self.stop.tobytes()])

    def window(self, starts: Ints) -> tuple[int, Ints]:
        """(width, first position of each): windows of one width for patches at `starts`, moved inside the map."""
        width = int(self.widths[starts].max())
        return width, np.clip(self.first[starts], 0, self.length - width)


@dataclass(frozen=True, eq=False)
class Reach:
    """The windows of a feature map of `y.length` x `x.length` positions."""

    y: AxisReach
    x: AxisReach

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the whole map."""
        return self.y.length, self.x.length

    @property
    def share(self) -> float:
        """Mean share of the map that is reached, over all places of the patch."""
        return float(self.y.widths.mean() * self.x.widths.mean()) / (self.y.length * self.x.length)


def axis_reach(span: Span, length: int, side: int, cap: float | None) -> AxisReach:
    """The positions whose span holds a pixel of the patch, for all starts; with a cap, those nearest its middle.

    Position i sees pixels `low + i * step` to `high + i * step`, so a patch on pixels p to p + side - 1 reaches
    `(p - high) / step <= i <= (p + side - 1 - low) / step`, in exact arithmetic.
    """
    scale = lcm(span.low.denominator, span.high.denominator, span.step.denominator)
    low, high, step = int(span.low * scale), int(span.high * scale), int(span.step * scale)
    pixels = np.arange(span.extent - side + 1) * scale
    first, stop = -((high - pixels) // step), (pixels + (side - 1) * scale - low) // step + 1
    first, stop = np.clip(first, 0, length - 1), np.clip(stop, 0, length)
    if cap is None:
        return AxisReach(length, first, stop)
    return _capped(AxisReach(length, first, stop), span, side, max(1, ceil(cap * length)))


def _capped(reach: AxisReach, span: Span, side: int, widest: int) -> AxisReach:
    """At most `widest` positions, those around the one that looks at the middle of the patch."""
    middles = np.arange(len(reach.first)) + (side - 1) / 2
    centres = (middles - float(span.low + span.high) / 2) / float(span.step)
    first = np.rint(centres - (widest - 1) / 2).astype(np.intp)
    first = np.clip(first, reach.first, np.maximum(reach.stop - widest, reach.first))
    return AxisReach(reach.length, first, np.minimum(first + widest, reach.stop))
