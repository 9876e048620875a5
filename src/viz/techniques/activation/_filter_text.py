"""Words on a sheet of filters, in the font that OpenCV brings."""

import cv2
import numpy as np

from viz.core.images import Pixels

_FONT = cv2.FONT_HERSHEY_SIMPLEX
LABEL, LINE = 0.3, 0.4  # sizes of the font for numbers and for sentences
_INK = (40, 40, 40)
_LEADING, _MARGIN = 16, 4


def width_of(text: str, size: float) -> int:
    """Pixels that a text takes."""
    return int(cv2.getTextSize(text, _FONT, size, 1)[0][0])


def height_of(size: float) -> int:
    """Pixels from the top of a capital letter to below the line."""
    (_, height), below = cv2.getTextSize("Ag0", _FONT, size, 1)
    return int(height + below)


def write(canvas: Pixels, text: str, left: int, bottom: int, size: float) -> None:
    """Draw a text on a canvas, in place."""
    cv2.putText(canvas, _plain(text), (left, bottom), _FONT, size, _INK, 1, cv2.LINE_AA)


def paragraph(text: str, width: int) -> Pixels:
    """Lines of at most `width` pixels, as far as words allow: (h, width, 3)."""
    lines = _broken(_plain(text), width - 2 * _MARGIN)
    canvas = np.full((len(lines) * _LEADING + _MARGIN, width, 3), 255, np.uint8)
    for number, line in enumerate(lines):
        write(canvas, line, _MARGIN, (number + 1) * _LEADING - _MARGIN, LINE)
    return canvas


def _broken(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width_of(longer, LINE) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _plain(text: str) -> str:
    """The font has no signs beyond ASCII."""
    return text.encode("ascii", "replace").decode()
