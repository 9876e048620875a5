"""A small line plot: values over steps, or a profile over named places."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from viz.core.images import Pixels
from viz.core.result import FloatArray
from viz.render.axes import written
from viz.render.plot_frame import SMALL, TITLE, Frame
from viz.render.text import QUIET, Colour, cut, line_height, plain, put, word

Points = NDArray[np.float64]

_PALE: Colour = (226, 229, 233)
# Told apart with colour blindness too (Okabe and Ito 2008).
_COLOURS: tuple[Colour, ...] = (
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (230, 159, 0),
    (90, 90, 90),
)


def curve(values: FloatArray, label: str, names: Sequence[str] = (), marks: Sequence[str] = ()) -> Pixels:
    """A line plot of `values` (steps,) or (steps, k), about 640 x 360 pixels, (h, w, 3) uint8.

    `label` says what the values are. `names` (k) tell the lines apart in a legend. `marks` (steps) name
    the places that the values belong to, where they are no steps; many make the plot wider. The axis is
    logarithmic where all values are positive and span more than two decades. Values that are not
    finite leave gaps. Raises `ValueError` for names or marks that are not as many as the values.
    """
    lines = np.array(values, np.float64)
    lines[~np.isfinite(lines)] = np.nan
    lines = lines[:, None] if lines.ndim == 1 else lines
    if lines.ndim != 2 or (names and len(names) != lines.shape[1]) or (marks and len(marks) != len(lines)):
        raise ValueError(f"{len(names)} names and {len(marks)} marks do not fit values of shape {np.shape(values)}")
    names = names or [str(number) for number in range(1, lines.shape[1] + 1)]
    title = plain(label) if np.isfinite(lines).any() else f"{plain(label)} (no values)"
    return _drawn(
        Frame(lines, [plain(name) for name in names if lines.shape[1] > 1], [plain(mark) for mark in marks]), title
    )


def _drawn(frame: Frame, title: str) -> Pixels:
    canvas = np.full((frame.height, frame.width, 3), 255, np.uint8)
    put(canvas, word(cut(title, TITLE, frame.width - 20), TITLE), 10, 8)
    _draw_values(canvas, frame)
    (_draw_marks if frame.marks else _draw_steps)(canvas, frame)
    for number in reversed(range(frame.values.shape[1])):  # the first line lies on top
        _draw_line(canvas, frame, number)
    _draw_legend(canvas, frame)
    return canvas


def _draw_values(canvas: Pixels, frame: Frame) -> None:
    """Numbers at the left and a pale line across for each."""
    for tick, y in zip(frame.up.ticks, frame.y(np.array(frame.up.ticks)).round().astype(int), strict=True):
        cv2.line(canvas, (frame.left, int(y)), (frame.right, int(y)), _PALE, 1)
        text = word(written(tick), SMALL, QUIET)
        put(canvas, text, frame.left - 7 - text.shape[1], int(y) - text.shape[0] // 2)
    corner = (frame.left, frame.bottom)
    for end in ((frame.left, frame.top), (frame.right, frame.bottom)):
        cv2.line(canvas, corner, end, QUIET, 1)


def _draw_steps(canvas: Pixels, frame: Frame) -> None:
    for tick, x in zip(frame.along.ticks, frame.x(frame.along.ticks), strict=True):
        _below(canvas, frame, float(x), word(written(tick), SMALL, QUIET))
    text = word("step", SMALL, QUIET)
    across = (frame.left + frame.right - text.shape[1]) // 2
    put(canvas, text, across, frame.bottom + 8 + line_height(SMALL))


def _draw_marks(canvas: Pixels, frame: Frame) -> None:
    for step, name in frame.shown_marks:
        text = word(name, SMALL, QUIET)
        x = float(frame.x(step))
        _below(canvas, frame, x, text if frame.level else np.rot90(text))


def _below(canvas: Pixels, frame: Frame, x: float, text: Pixels) -> None:
    """A tick and its text below the axis."""
    cv2.line(canvas, (round(x), frame.bottom), (round(x), frame.bottom + 4), QUIET, 1)
    put(canvas, text, round(x) - text.shape[1] // 2, frame.bottom + 7)


def _draw_line(canvas: Pixels, frame: Frame, number: int) -> None:
    colour = _colour(number, frame.values.shape[1])
    points = np.stack([frame.x(np.arange(len(frame.values))), frame.y(frame.values[:, number])], axis=1)
    for piece in _without_gaps(points):
        cv2.polylines(canvas, [_sixteenths(piece)], False, colour, 2, cv2.LINE_AA, 4)
        for point in piece if frame.marks or len(piece) == 1 else ():
            cv2.circle(canvas, _sixteenths(point).tolist(), 3 << 4, colour, -1, cv2.LINE_AA, 4)


def _without_gaps(points: Points) -> list[Points]:
    """Runs of neighbouring points (n, 2) that are finite."""
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    pieces = np.split(points, np.unique(np.concatenate([bad, bad + 1])))
    return [piece for piece in pieces if len(piece) and np.isfinite(piece).all()]


def _sixteenths(points: Points) -> NDArray[np.int32]:
    """OpenCV's fixed point with four bits after the point: no steps in a flat line."""
    return np.rint(points * 16).astype(np.int32)


def _draw_legend(canvas: Pixels, frame: Frame) -> None:
    for number, name in enumerate(frame.legend):
        top = frame.top + number * (line_height(SMALL) + 3)
        if number < frame.explained:
            start = (frame.right + 14, top + line_height(SMALL) // 2)
            cv2.line(canvas, start, (start[0] + 16, start[1]), _colour(number, len(frame.names)), 3)
        put(canvas, word(name, SMALL), frame.right + 38, top)


def _colour(number: int, count: int) -> Colour:
    """The line's colour; where there are many lines, a ramp over all of them."""
    if count <= len(_COLOURS):
        return _COLOURS[number]
    level = np.array([[round(255 * number / (count - 1))]], np.uint8)
    blue, green, red = cv2.applyColorMap(level, cv2.COLORMAP_TURBO)[0, 0].tolist()
    return red, green, blue
