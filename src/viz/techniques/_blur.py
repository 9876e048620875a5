"""Gaussian blur of an image in technique coordinates."""

import numpy as np

from viz.core.result import FloatArray


def blurred(image: FloatArray, sigma: float, kernel: int = 0) -> FloatArray:
    """(3, h, w) -> (3, h, w), mirrored at the borders; `kernel` 0 takes as many pixels as `sigma` needs."""
    import cv2  # here, so that listing the techniques stays quick

    smooth = cv2.GaussianBlur(image.transpose(1, 2, 0), (kernel, kernel), sigma, borderType=cv2.BORDER_REFLECT_101)
    return np.ascontiguousarray(smooth.transpose(2, 0, 1))
