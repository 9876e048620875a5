"""Where everything on a line plot stands: axes, the room for their numbers and names, and the legend."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np
from numpy.typing import ArrayLike, NDArray

from viz.render.axes import Axis, axis_for, linear, written
from viz.render.text import cut, cut_start, line_height, width_of

TITLE, SMALL = 15, 12  # sizes of text

_WIDTH, _PLOT_HEIGHT = 640, 280
_WIDEST = 2000  # pixels that a profile over many places may take
_TOP = 38
_PITCH = 14  # pixels across that a name written upwards needs
_LONGEST_MARK, _LONGEST_NAME = 240, 150
_LEGEND_LINES = 15


@dataclass(frozen=True)
class Frame:
    """The frame of a plot of `values` (steps, k); `names` are the legend's, `marks` name the steps."""

    values: NDArray[np.float64]
    names: Sequence[str]
    marks: Sequence[str]

    top = _TOP
    bottom = _TOP + _PLOT_HEIGHT

    @cached_property
    def up(self) -> Axis:
        """The axis of the values."""
        return axis_for(self.values)

    @cached_property
    def along(self) -> Axis:
        """The axis of the steps; places with names have half a step of room at both ends."""
        if self.marks:
            return Axis(-0.5, len(self.marks) - 0.5, ())
        return linear(0.0, max(1.0, len(self.values) - 1.0), most=8, whole=True)

    def x(self, steps: ArrayLike) -> NDArray[np.float64]:
        """Pixels from the left edge."""
        return self.left + self.along.share(np.asarray(steps, np.float64)) * (self.right - self.left)

    def y(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixels from the upper edge; the largest values are at the top."""
        return self.bottom - self.up.share(values) * _PLOT_HEIGHT

    @cached_property
    def left(self) -> int:
        """Where the values' axis is: right of its numbers."""
        return 24 + max(width_of(written(tick), SMALL) for tick in self.up.ticks)

    @property
    def right(self) -> int:
        """Where the plot ends and the legend begins."""
        return self.width - 16 - self._legend_width

    @cached_property
    def width(self) -> int:
        """Of the whole."""
        for_marks = self.left + len(self.marks) * _PITCH + self._legend_width + 16
        return min(_WIDEST, max(_WIDTH, for_marks))

    @cached_property
    def height(self) -> int:
        """Of the whole."""
        if not self.marks:
            return self.bottom + 10 + 2 * line_height(SMALL)
        tallest = line_height(SMALL) if self.level else max(width_of(text, SMALL) for text in self._mark_texts)
        return self.bottom + 16 + tallest

    @property
    def shown_marks(self) -> list[tuple[int, str]]:
        """Steps with their names, as many as there is room for."""
        every = ceil(len(self.marks) * _PITCH / (self.right - self.left))
        return list(enumerate(self._mark_texts))[:: max(1, every)]

    @cached_property
    def level(self) -> bool:
        """True where all names of steps fit beside each other; else they are written upwards."""
        room = (self.right - self.left) / max(1, len(self.marks))
        return all(width_of(text, SMALL) + 8 <= room for text in self._mark_texts)

    @cached_property
    def _mark_texts(self) -> list[str]:
        return [cut_start(mark, SMALL, _LONGEST_MARK) for mark in self.marks]

    @cached_property
    def legend(self) -> list[str]:
        """The lines of the legend: of every line, or of the first ones and how many more there are."""
        lines = [cut(name, SMALL, _LONGEST_NAME) for name in self.names[: self.explained]]
        more = len(self.names) - len(lines)
        return [*lines, f"and {more} more"] if more else lines

    @property
    def explained(self) -> int:
        """How many lines have a place in the legend."""
        return len(self.names) if len(self.names) <= _LEGEND_LINES else _LEGEND_LINES - 1

    @cached_property
    def _legend_width(self) -> int:
        return 40 + max(width_of(line, SMALL) for line in self.legend) if self.legend else 0
