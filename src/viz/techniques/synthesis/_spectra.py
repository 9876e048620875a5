"""Where the coefficients of a real picture's Fourier transform (rfft2) lie, and how many each stands for."""

import numpy as np

from viz.core.result import FloatArray


def frequencies(size: tuple[int, int]) -> FloatArray:
    """(h, w // 2 + 1): distance from the constant coefficient, in cycles per pixel."""
    down, across = np.fft.fftfreq(size[0]), np.fft.rfftfreq(size[1])
    distance: FloatArray = np.hypot(down[:, None], across[None, :]).astype(np.float32)
    return distance


def variance(magnitude: FloatArray, width: int) -> FloatArray:
    """(…, h, w // 2 + 1) magnitudes, orthonormal -> (…,): mean square of the pictures (h, width) they belong to."""
    times = np.full(magnitude.shape[-1], 2.0)  # a coefficient and its mirror image
    times[0] = 1.0
    if width % 2 == 0:
        times[-1] = 1.0
    mean: FloatArray = (magnitude.astype(np.float64) ** 2 * times).sum((-2, -1)) / (magnitude.shape[-2] * width)
    return mean
