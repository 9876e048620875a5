"""How large a made image is, and what becomes of the part of it that the model does not see."""

import re

import numpy as np

from viz.core.errors import UsageError
from viz.core.fitting import Box
from viz.core.result import FloatArray


def size_of(text: str | None, default: tuple[int, int]) -> tuple[int, int]:
    """Height and width from `224` or `240x320`; raises `UsageError`."""
    if text is None:
        return default
    match = re.fullmatch(r"\s*(\d+)(?:\s*x\s*(\d+))?\s*", text)
    size = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if min(size) < 1:
        raise UsageError(f"--image-size {text} is not a size", "for example --image-size 512 or 480x640")
    return size


def mirrored(image: FloatArray, box: Box) -> FloatArray:
    """An image (3, h, w) whose border around `box`, which the model does not see, mirrors the inside."""
    height, width = image.shape[1:]
    top, left = max(0, int(np.floor(box.top))), max(0, int(np.floor(box.left)))
    bottom, right = min(height, int(np.ceil(box.bottom))), min(width, int(np.ceil(box.right)))
    if (top, left, bottom, right) == (0, 0, height, width):
        return image
    inside = np.ascontiguousarray(image[:, top:bottom, left:right].transpose(1, 2, 0))
    border = (top, height - bottom, left, width - right)
    # A border may be wider than the inside: then the mirror is mirrored again.
    padded = np.pad(inside, ((border[0], border[1]), (border[2], border[3]), (0, 0)), mode="symmetric")
    return np.ascontiguousarray(padded.transpose(2, 0, 1), np.float32)
