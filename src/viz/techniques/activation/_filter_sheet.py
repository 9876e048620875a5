"""Tiles in rows, each with its number, and below them what one must know to read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np

from viz.core.images import Pixels
from viz.techniques.activation._filter_text import LABEL, height_of, paragraph, width_of, write

_GAP = 4
_LEAST_WIDTH = 320  # room for a sentence


@dataclass(frozen=True)
class Tile:
    """A picture and the text below it."""

    picture: Pixels
    label: str


def sheet(tiles: Sequence[Tile], caption: str) -> Pixels:
    """All tiles, which are of one size, about as high as wide; labels are left out where one does not fit."""
    height, width = tiles[0].picture.shape[:2]
    labelled = all(width_of(tile.label, LABEL) <= width + _GAP - 1 for tile in tiles)
    below = height_of(LABEL) + 1 if labelled else 0
    columns = _columns(len(tiles), sqrt(len(tiles) * (height + below + _GAP) / (width + _GAP)))
    rows = ceil(len(tiles) / columns)
    size = (rows * (height + below + _GAP) + _GAP, max(_LEAST_WIDTH, columns * (width + _GAP) + _GAP), 3)
    canvas = np.full(size, 255, np.uint8)
    for number, tile in enumerate(tiles):
        top = _GAP + number // columns * (height + below + _GAP)
        left = _GAP + number % columns * (width + _GAP)
        canvas[top : top + height, left : left + width] = tile.picture
        if labelled:
            write(canvas, tile.label, left, top + height + below - 2, LABEL)
    return np.concatenate([canvas, paragraph(caption, canvas.shape[1])])


def _columns(count: int, even: float) -> int:
    """How many tiles a row has: about `even`, and such that the last row is full where that can be."""
    near = range(max(1, round(even * 0.75)), max(1, round(even * 1.35)) + 1)
    full = [columns for columns in near if count % columns == 0]
    return min(full, key=lambda columns: abs(columns - even)) if full else min(count, max(1, ceil(even)))
