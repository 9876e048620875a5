"""How large a made image is, and what becomes of the part of it that the model does not see."""

import re
from math import ceil, floor

import numpy as np

from viz.core.errors import UsageError
from viz.core.fitting import Box
from viz.core.images import MAX_PIXELS
from viz.core.result import FloatArray


def size_of(text: str | None, default: tuple[int, int], flag: str = "--image-size") -> tuple[int, int]:
    """Height and width from `224` or `240x320`, as `flag` gives it; raises `UsageError`."""
    if text is None:
        return default
    match = re.fullmatch(r"\s*(\d+)(?:\s*x\s*(\d+))?\s*", text)
    size = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if min(size) < 1:
        raise UsageError(f"{flag} {text} is not a size", f"for example {flag} 512 or {flag} 480x640")
    if size[0] * size[1] > MAX_PIXELS:
        raise UsageError(f"{flag} {text} is more than {MAX_PIXELS:,} pixels", f"for example {flag} 2048")
    return size


def widened(box: Box, by: int) -> Box:
    """A box with so many pixels more on every side; fewer for a number below 0."""
    return Box(box.left - by, box.top - by, box.right + by, box.bottom + by)


def mirrored(image: FloatArray, box: Box) -> FloatArray:
    """An image (3, h, w) whose border around `box`, which the model does not see, mirrors the inside."""
    height, width = image.shape[1:]
    top, left = max(0, floor(box.top)), max(0, floor(box.left))
    bottom, right = min(height, ceil(box.bottom)), min(width, ceil(box.right))
    if (top, left, bottom, right) == (0, 0, height, width):
        return image
    # A border may be wider than the inside: then the mirror is mirrored again.
    borders = ((0, 0), (top, height - bottom), (left, width - right))
    return np.pad(image[:, top:bottom, left:right], borders, mode="symmetric")
