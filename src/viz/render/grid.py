"""Pictures in rows and columns with headings and captions, on white."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

from viz.core.images import Pixels
from viz.render.fitting import fitted, fitted_size
from viz.render.text import QUIET, line_height, paragraph, put, width_of, wrapped

_HEADING, _CAPTION = 14, 12  # sizes of text
_MARGIN = 10
_ROW_HEADING = 150  # the widest
_HEADING_LINES, _CAPTION_LINES = 3, 2  # at most
_READABLE = 48  # a narrower cell gets no caption
_NARROWEST = 96  # where there is room: a tall picture's cell is wider than the picture, for its caption


@dataclass(frozen=True)
class Cell:
    """One picture (h, w, 3) uint8, its caption, and the row and column it stands in."""

    row: int
    column: int
    caption: str
    picture: Pixels


@dataclass(frozen=True)
class Grid:
    """Cells with the headings of their rows and columns. Pictures are at most `side` pixels a side.

    They are smaller where the whole would be larger than `longest` pixels a side (with as many as some
    thousand rows or columns even that is exceeded).
    """

    rows: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Cell]
    side: int
    longest: int = 8000

    def drawn(self) -> Pixels:
        """The grid as one picture."""
        canvas = np.full((*self.size, 3), 255, np.uint8)
        self._draw_headings(canvas)
        for cell, lines in zip(self.cells, self._captions, strict=True):
            self._draw_cell(canvas, cell, lines)
        return canvas

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the whole."""
        width = self._left + len(self.columns) * (self._width + self._gap) - self._gap + _MARGIN
        return self._tops[-1] - self._gap + _MARGIN, width

    def _draw_headings(self, canvas: Pixels) -> None:
        for number, lines in enumerate(self._column_headings):
            block = paragraph(lines, _HEADING, self._width)
            put(canvas, block, self._column_left(number), self._tops[0] - len(block) - 2)
        free = 0
        for number, lines in enumerate(self._row_headings):
            block = paragraph(lines, _HEADING, self._left - _MARGIN, centred=False)
            top = self._tops[number] + (self._heights[number] - len(block)) // 2
            if lines and top >= free:  # where rows are lower than their headings, some go without
                put(canvas, block, _MARGIN, top)
                free = top + len(block)

    def _draw_cell(self, canvas: Pixels, cell: Cell, lines: Sequence[str]) -> None:
        shown = fitted(cell.picture, self._side)
        high, wide = shown.shape[:2]
        left, top = self._column_left(cell.column), self._tops[cell.row]
        across, down = left + (self._width - wide) // 2, top + (self._heights[cell.row] - high) // 2
        canvas[down : down + high, across : across + wide] = shown
        if lines:
            caption = paragraph(lines, _CAPTION, self._width, QUIET)
            put(canvas, caption, left, top + self._heights[cell.row] + 2)

    def _column_left(self, number: int) -> int:
        return self._left + number * (self._width + self._gap)

    @cached_property
    def _room(self) -> tuple[int, int]:
        """The side of pictures and the gap between them, for all to fit; a small cell has no room for a caption."""
        above = 2 * _MARGIN + _HEADING_LINES * line_height(_HEADING)  # at most; headings wrap to what comes out here
        for gap, text in ((10, _CAPTION_LINES * line_height(_CAPTION) + 2), (4, 0), (1, 0)):
            across = (self.longest - self._left - _MARGIN) // len(self.columns) - gap
            down = (self.longest - above - _MARGIN) // len(self.rows) - gap - text
            side = min(self.side, across, down)
            if side >= (_READABLE if text else 8):
                break
        return max(1, side), gap

    @property
    def _side(self) -> int:
        return self._room[0]

    @property
    def _gap(self) -> int:
        return self._room[1]

    @cached_property
    def _sizes(self) -> list[tuple[int, int]]:
        return [fitted_size(cell.picture.shape[0], cell.picture.shape[1], self._side) for cell in self.cells]

    @cached_property
    def _width(self) -> int:
        return max(min(self._side, _NARROWEST), *(width for _, width in self._sizes))

    @cached_property
    def _captions(self) -> list[list[str]]:
        if self._side < _READABLE:
            return [[] for _ in self.cells]
        return [wrapped(cell.caption, _CAPTION, self._width, _CAPTION_LINES) for cell in self.cells]

    @cached_property
    def _heights(self) -> list[int]:
        """Of the pictures of every row."""
        return self._highest([height for height, _ in self._sizes])

    @cached_property
    def _tops(self) -> list[int]:
        """Where the pictures of every row begin, and where a further row would."""
        lines = self._highest([len(caption) for caption in self._captions])
        text = [count * line_height(_CAPTION) + 2 if count else 0 for count in lines]
        steps = (high + said + self._gap for high, said in zip(self._heights, text, strict=True))
        return list(accumulate(steps, initial=self._above))

    def _highest(self, of_cells: Sequence[int]) -> list[int]:
        """The largest value in every row."""
        highest = [0] * len(self.rows)
        for cell, value in zip(self.cells, of_cells, strict=True):
            highest[cell.row] = max(highest[cell.row], value)
        return highest

    @cached_property
    def _row_headings(self) -> list[list[str]]:
        return [wrapped(text, _HEADING, _ROW_HEADING, _HEADING_LINES) for text in self.rows]

    @cached_property
    def _left(self) -> int:
        """Where the first column begins."""
        widest = max((width_of(line, _HEADING) for lines in self._row_headings for line in lines), default=0)
        return _MARGIN + (widest + _MARGIN if widest else 0)

    @cached_property
    def _column_headings(self) -> list[list[str]]:
        return [wrapped(text, _HEADING, self._width, _HEADING_LINES) for text in self.columns]

    @property
    def _above(self) -> int:
        """Where the first row begins."""
        lines = max(map(len, self._column_headings))
        return _MARGIN + (lines * line_height(_HEADING) + 2 if lines else 0)
