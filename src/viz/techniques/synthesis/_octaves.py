"""The sizes that a dream goes through, and how an image gets from one to the next."""

from collections.abc import Iterator

import cv2
import numpy as np

from viz.core.images import Pixels
from viz.core.result import FloatArray

Size = tuple[int, int]

_LEAST = 0.5  # of a tile's side: in a smaller octave, most of a tile would be mirror


def octave_sizes(size: Size, octaves: int, scale: float, tile: Size) -> Iterator[Size]:
    """Heights and widths from the smallest octave to `size`; those that fill less than half a tile are left out."""
    for octave in reversed(range(octaves)):
        height, width = (max(1, round(side / scale**octave)) for side in size)
        if octave == 0 or min(height / tile[0], width / tile[1]) >= _LEAST:
            yield height, width


def laid_over(base: FloatArray, dream: FloatArray, size: Size) -> FloatArray:
    """The photo `base` at `size` with what was dreamed so far laid over it, so that its own detail comes back."""
    if dream.shape[1:] == size:
        return dream
    added = dream - resized(base, (dream.shape[1], dream.shape[2]))
    found: FloatArray = np.clip(resized(base, size) + resized(added, size), 0, 1)
    return found


def resized(image: FloatArray, size: Size) -> FloatArray:
    """(3, h, w) at another size; averaging where it shrinks, cubic where it grows."""
    if image.shape[1:] == size:
        return image
    how = cv2.INTER_AREA if size[0] < image.shape[1] else cv2.INTER_CUBIC
    found = cv2.resize(image.transpose(1, 2, 0), (size[1], size[0]), interpolation=how)
    return np.ascontiguousarray(found.transpose(2, 0, 1), np.float32)


def no_longer_than(pixels: Pixels, longest: int) -> Pixels:
    """A photo (h, w, 3) with at most so many pixels on its longer side; 0 leaves it as it is."""
    factor = longest / max(pixels.shape[:2]) if longest else 1.0
    if factor >= 1:
        return pixels
    height, width = (max(1, round(side * factor)) for side in pixels.shape[:2])
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def enlarged(image: FloatArray, factor: float) -> FloatArray:
    """The middle of an image (3, h, w), so much larger, at the same size: the next frame of a zoom."""
    height, width = image.shape[1:]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), 0, factor)
    plane = image.transpose(1, 2, 0)
    zoomed = cv2.warpAffine(plane, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.ascontiguousarray(np.clip(zoomed, 0, 1).transpose(2, 0, 1), np.float32)
