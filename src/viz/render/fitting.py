"""Pictures brought to a size: smaller by the mean of areas, larger by whole pixels."""

import cv2
import numpy as np

from viz.core.images import Pixels


def fitted(pixels: Pixels, side: int) -> Pixels:
    """The picture within `side` x `side`: shrunk by the mean of areas, or enlarged by whole pixels."""
    height, width = fitted_size(pixels.shape[0], pixels.shape[1], side)
    if height >= pixels.shape[0]:
        return enlarged(pixels, height // pixels.shape[0])
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def fitted_size(height: int, width: int, side: int) -> tuple[int, int]:
    """Height and width of a picture that `fitted` has brought to `side`; at least one pixel."""
    longest = max(height, width)
    if longest <= side:
        return height * (side // longest), width * (side // longest)
    return max(1, round(height * side / longest)), max(1, round(width * side / longest))


def enlarged(pixels: Pixels, times: int) -> Pixels:
    """Every pixel as `times` x `times` pixels."""
    return np.ascontiguousarray(pixels.repeat(times, axis=0).repeat(times, axis=1))
