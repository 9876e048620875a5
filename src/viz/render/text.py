"""Text on pictures, in the one font that Pillow brings: the same bytes on every machine."""

import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from viz.core.images import Pixels

Colour = tuple[int, int, int]

INK: Colour = (32, 36, 42)
QUIET: Colour = (96, 104, 114)

_SPELLED = {
    "λ": "lambda",
    "×": "x",
    "−": "-",
    "–": "-",
    "—": "-",
    "→": "->",
    "←": "<-",
    "‖": "||",
    "’": "'",
    "“": '"',
    "”": '"',
}
_DRAWN = frozenset("…·")  # what the font has beyond ASCII, and we use
_BREAKS = " /._-:,"  # a line may end after one of these


def plain(text: str) -> str:
    """Text as far as the font has it: accents dropped, other signs spelled or `?`, one line, no control characters."""
    spelled = "".join(_SPELLED.get(c, c) for c in " ".join(text.split()))
    return "".join(_nearest(c) for c in spelled)


def _nearest(character: str) -> str:
    if character in _DRAWN or (character.isascii() and character.isprintable()):
        return character
    if (name := unicodedata.name(character, "")).startswith("GREEK"):
        return name.split()[-1].lower()
    base = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return base if base.strip() else "?"


@cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def line_height(size: int) -> int:
    """Pixels from one line to the next."""
    ascent, descent = _font(size).getmetrics()
    return int(ascent + descent)


def width_of(text: str, size: int) -> int:
    """Pixels that a line takes across, rounded up."""
    return int(np.ceil(_font(size).getlength(text)))


def cut(text: str, size: int, width: int) -> str:
    """The text, or as much of its beginning as fits with `…` after it; nothing where not even that fits."""
    if width_of(text, size) <= width:
        return text
    kept = _fitting(text, size, width - width_of("…", size))
    return kept.rstrip() + "…" if kept else ""


def cut_start(text: str, size: int, width: int) -> str:
    """The same with the text's end kept: names of layers differ there."""
    return cut(text[::-1], size, width)[::-1]


def wrapped(text: str, size: int, width: int, most: int) -> list[str]:
    """The text as at most `most` lines that fit, broken after a space or a sign where there is one; then `…`."""
    rest = plain(text)
    lines: list[str] = []
    while rest and len(lines) < most - 1 and width_of(rest, size) > width:
        end = _break(rest, len(_fitting(rest, size, width)))
        lines.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return [*lines, cut(rest, size, width)] if rest else lines


def _fitting(text: str, size: int, width: int) -> str:
    """The longest beginning that is no wider; found by halving."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if width_of(text[:middle], size) <= width else (low, middle - 1)
    return text[:low]


def _break(text: str, fitting: int) -> int:
    """Where to end a line of which `fitting` characters fit: after a sign in its second half, or right there."""
    last = max(text.rfind(sign, 0, fitting) for sign in _BREAKS) + 1
    return last if 2 * last > fitting else max(1, fitting)


def word(text: str, size: int, colour: Colour = INK) -> Pixels:
    """One line of text on white, (line height, width, 3) uint8."""
    image = Image.new("RGB", (max(1, width_of(text, size)), line_height(size)), "white")
    ImageDraw.Draw(image).text((0, 0), text, fill=colour, font=_font(size))
    return np.asarray(image, np.uint8)


def paragraph(lines: Sequence[str], size: int, width: int, colour: Colour = INK, centred: bool = True) -> Pixels:
    """Lines below each other on white, (lines x line height, width, 3) uint8."""
    canvas = np.full((max(1, len(lines) * line_height(size)), max(1, width), 3), 255, np.uint8)
    for number, line in enumerate(lines):
        drawn = word(line, size, colour)
        left = (width - drawn.shape[1]) // 2 if centred else 0
        put(canvas, drawn, left, number * line_height(size))
    return canvas


def put(canvas: Pixels, patch: Pixels, left: int, top: int) -> None:
    """Lay dark signs on white over a canvas; what would stand outside is cut off."""
    first, above = max(0, -left), max(0, -top)
    place = canvas[max(0, top) : max(0, top + patch.shape[0]), max(0, left) : max(0, left + patch.shape[1])]
    shown = patch[above : above + place.shape[0], first : first + place.shape[1]]
    np.minimum(place, shown, out=place)
