"""Patches of photos as square tiles, many on one picture, and the heat that can be laid over each of them."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from viz.core.fitting import Box
from viz.core.images import Pixels
from viz.core.surveying import Window
from viz.render.text import paragraph, put, wrapped

ROWS = 16  # of tiles on one picture
CELL = 16  # pixels a side of a tile's heat
QUALITY = 85

_GROUND = (100, 106, 114)  # beside a patch that is not square: in place on a light page and on a dark one
_HATCH = ((240, 124, 62), (31, 42, 68))
_DARKEST = 0.82  # how much of a tile the heat hides where the unit does not respond

Part = tuple[int, int, int, int]  # left, top, right, bottom in pixels of a tile
Sides = tuple[bool, bool, bool, bool]  # left, top, right, bottom
Cells = NDArray[np.uint8]  # (CELL, CELL, 2): black, and how opaque it is


def part_of_tile(width: float, height: float, side: int) -> Part:
    """Where a patch of this shape lies in a tile of `side` pixels: as large as fits, in the middle."""
    scale = side / max(width, height)
    across, down = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (side - across) // 2, (side - down) // 2
    return left, top, left + across, top + down


def tile(pixels: Pixels, box: Box, side: int, beyond: Sides = (False,) * 4) -> Pixels:
    """The part `box` of a photo (h, w, 3) as (side, side, 3): all of it, in its own shape, nothing from around it.

    Shrunk with antialiasing, enlarged bicubically. On the sides named in `beyond`, where what a unit sees goes on
    outside of the photo, there is a hatched edge.
    """
    part = part_of_tile(box.right - box.left, box.bottom - box.top, side)
    size = part[2] - part[0], part[3] - part[1]
    left, top = max(0, int(box.left)), max(0, int(box.top))
    right, bottom = int(np.ceil(box.right)), int(np.ceil(box.bottom))
    inside = Image.fromarray(pixels[top:bottom, left:right])
    inner = (box.left - left, box.top - top, min(box.right - left, inside.width), min(box.bottom - top, inside.height))
    shown = inside.resize(size, Image.Resampling.BICUBIC, box=inner, reducing_gap=3.0)
    drawn = ground(side)
    drawn[part[1] : part[3], part[0] : part[2]] = np.asarray(shown)
    _hatch(drawn, part, beyond)
    return drawn


def ground(side: int) -> Pixels:
    """An empty tile, (side, side, 3)."""
    return np.full((side, side, 3), _GROUND, np.uint8)


def tile_in_words(text: str, side: int) -> Pixels:
    """A tile for a patch that cannot be shown: gray, and why, as far as it fits."""
    drawn = ground(side)
    lines = wrapped(text, max(9, side // 6), side, 4)
    block = paragraph(lines, max(9, side // 6), side)
    put(drawn, block, 0, max(0, (side - len(block)) // 2))
    return drawn


def heat_cells(heat: NDArray[np.uint8], covers: Window, window: Window, part: Part, side: int) -> Cells:
    """What is laid over a tile so that only what the unit responds to stays bright, (CELL, CELL, 2).

    `heat` (rows, columns) in 0..255 is spread over `covers`, each value in the middle of its share, with straight
    lines between; beside the patch, which fills `part` of the tile and shows `window`, nothing is laid over.
    """
    at = (np.arange(CELL) + 0.5) * side / CELL
    across, down = (at - part[0]) / (part[2] - part[0]), (at - part[1]) / (part[3] - part[1])
    columns = window.left + across * (window.right - window.left)
    rows = window.top + down * (window.bottom - window.top)
    level = _between(heat, _places(rows, covers.top, covers.bottom, heat.shape[0]), 0)
    level = _between(level, _places(columns, covers.left, covers.right, heat.shape[1]), 1)
    inside = ((down > 0) & (down < 1))[:, None] & ((across > 0) & (across < 1))
    opaque = np.where(inside, _DARKEST * (255 - level), 0)
    return np.stack([np.zeros_like(opaque), opaque], axis=-1).round().astype(np.uint8)


def no_heat() -> Cells:
    """Cells that hide nothing."""
    return np.zeros((CELL, CELL, 2), np.uint8)


def sprite_jpeg(tiles: NDArray[np.uint8]) -> bytes:
    """Tiles (rows, columns, side, side, 3) as one JPEG file; the same tiles give the same bytes."""
    # Colours at full resolution: halved, those of a tile's edge would be mixed with its neighbour's.
    return _encoded(_sheet(tiles), "JPEG", quality=QUALITY, subsampling=0)


def heat_png(cells: NDArray[np.uint8]) -> bytes:
    """Cells (rows, columns, CELL, CELL, 2) as one PNG file with transparency; the same cells give the same bytes."""
    return _encoded(_sheet(cells), "PNG", compress_level=6)


def _sheet(tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns, high, wide, depth = tiles.shape
    return np.ascontiguousarray(tiles.transpose(0, 2, 1, 3, 4).reshape(rows * high, columns * wide, depth))


def _encoded(pixels: NDArray[np.uint8], kind: str, **settings: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **settings)
    return buffer.getvalue()


def _places(at: NDArray[np.float64], start: float, stop: float, count: int) -> NDArray[np.float64]:
    """Positions on the input as places between the middles of `count` equal shares of start..stop."""
    return np.clip((at - start) / (stop - start) * count - 0.5, 0, count - 1)


def _between(values: NDArray[Any], places: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Values along an axis at places between whole numbers."""
    first = np.floor(places).astype(int)
    share = (places - first).reshape([-1 if i == axis else 1 for i in range(2)])
    second = np.minimum(first + 1, values.shape[axis] - 1)
    mixed: NDArray[np.float64] = values.take(first, axis) * (1 - share) + values.take(second, axis) * share
    return mixed


def _hatch(drawn: Pixels, part: Part, beyond: Sides) -> None:
    left, top, right, bottom = part
    width = max(2, len(drawn) // 32)
    strips: Sequence[tuple[slice, slice]] = (
        (slice(top, bottom), slice(left, left + width)),
        (slice(top, top + width), slice(left, right)),
        (slice(top, bottom), slice(right - width, right)),
        (slice(bottom - width, bottom), slice(left, right)),
    )
    down, across = np.ogrid[: len(drawn), : len(drawn)]
    stripes = np.array(_HATCH, np.uint8)[(down + across) // (3 * width) % 2]
    for strip, drawn_here in zip(strips, beyond, strict=True):
        if drawn_here:
            drawn[strip] = stripes[strip]
