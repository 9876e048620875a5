"""Filters as small pictures: in colour about mid-gray, or, where inputs are no colours, red and blue about white."""

from collections.abc import Sequence

import cv2
import numpy as np

from viz.core.images import Pixels
from viz.core.result import FloatArray

_RED, _BLUE = (np.array(colour, np.float32) / 255 for colour in ((178, 24, 43), (33, 102, 172)))
_FRAME = 170  # gray around what may be white itself
_MANY = 4  # inputs, above which each gets half the room


def scales_of(drawn: FloatArray, normalize: str) -> FloatArray:
    """What full colour stands for, for each of (n, …): the largest value of all, or each one's own; never 0."""
    largest = np.abs(drawn).max(axis=tuple(range(1, drawn.ndim)))
    shared = normalize == "shared"
    found: FloatArray = np.full(len(drawn), largest.max(), np.float32) if shared else largest.astype(np.float32)
    return np.where(found > 0, found, np.float32(1))


def colour_tiles(units: FloatArray, scales: FloatArray, side: int) -> list[Pixels]:
    """Filters (n, 3, rows, columns) in the image's own colours, mid-gray where they are 0."""
    shares = units / scales[:, None, None, None]
    return [enlarged(_levels(0.5 + 0.5 * share.transpose(1, 2, 0)), side) for share in shares]


def signed_tiles(units: FloatArray, scales: FloatArray, side: int) -> list[Pixels]:
    """Filters (n, inputs, rows, columns): every input a tile, side by side, red above 0, blue below, white at 0."""
    shares, each = units / scales[:, None, None, None], side // (2 if units.shape[1] > _MANY else 1)
    return [_beside([framed(enlarged(signed(part), each)) for part in share]) for share in shares]


def framed(picture: Pixels) -> Pixels:
    """With a gray line around it."""
    return np.pad(picture, ((1, 1), (1, 1), (0, 0)), constant_values=_FRAME)


def signed(shares: FloatArray) -> Pixels:
    """Numbers (h, w) from -1 to 1 as colours (h, w, 3)."""
    strength = np.clip(np.abs(shares), 0, 1)[..., None]
    full = np.where(shares[..., None] > 0, _RED, _BLUE)
    return _levels(1 - strength * (1 - full))


def enlarged(picture: Pixels, side: int) -> Pixels:
    """By a whole factor, about `side` pixels in its longer side."""
    factor = max(1, round(side / max(picture.shape[:2])))
    return np.ascontiguousarray(picture.repeat(factor, 0).repeat(factor, 1))


def crossed_out(tile: Pixels) -> Pixels:
    """A tile of the same size for a filter that is zero: what is left of it is noise, and is not shown."""
    empty = np.full_like(tile, 235)
    height, width = tile.shape[:2]
    cv2.line(empty, (0, 0), (width - 1, height - 1), (150, 150, 150))
    cv2.line(empty, (0, height - 1), (width - 1, 0), (150, 150, 150))
    return empty


def _beside(tiles: Sequence[Pixels]) -> Pixels:
    return np.concatenate(tiles, axis=1)


def _levels(shares: FloatArray) -> Pixels:
    return np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)
