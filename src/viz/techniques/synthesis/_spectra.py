"""Spectra of real pictures as rfft2 gives them: where their coefficients lie, their power, and for another size."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.core.result import FloatArray


def frequencies(size: tuple[int, int]) -> FloatArray:
    """(h, w // 2 + 1): distance from the constant coefficient, in cycles per pixel."""
    down, across = np.fft.fftfreq(size[0]), np.fft.rfftfreq(size[1])
    distance: FloatArray = np.hypot(down[:, None], across[None, :]).astype(np.float32)
    return distance


def variance(magnitude: NDArray[np.floating[Any]], width: int) -> FloatArray:
    """(…, h, w // 2 + 1) magnitudes, orthonormal -> (…,): mean square of the pictures (h, width) they belong to."""
    times = np.full(magnitude.shape[-1], 2.0)  # a coefficient and its mirror image
    times[0] = 1.0
    if width % 2 == 0:
        times[-1] = 1.0
    mean: FloatArray = (magnitude.astype(np.float64) ** 2 * times).sum((-2, -1)) / (magnitude.shape[-2] * width)
    return mean


def for_size(magnitude: FloatArray, size: tuple[int, int]) -> FloatArray:
    """(c, h', w' // 2 + 1) -> (c, h, w // 2 + 1), of the same variance; w' is even unless it equals w.

    What is interpolated is magnitude times frequency: in photographs it is nearly the same everywhere, so that
    it can be continued to frequencies lower than those that were measured.
    """
    rows, columns = size[0], size[1] // 2 + 1
    if magnitude.shape[1:] == (rows, columns):
        return magnitude
    width = 2 * (magnitude.shape[2] - 1)
    level = _interpolated(_flattened(magnitude, width), width, size)
    found = level / np.maximum(frequencies(size), 0.5 / max(size))
    found[:, 0, 0] = 0
    fluctuation = magnitude.copy()
    fluctuation[:, 0, 0] = 0
    found *= np.sqrt(variance(fluctuation, width) / np.maximum(variance(found, size[1]), 1e-12))[:, None, None]
    # The constant coefficient is the mean times the square root of the number of pixels.
    found[:, 0, 0] = magnitude[:, 0, 0] * np.sqrt(size[0] * size[1] / (magnitude.shape[1] * width))
    return found.astype(np.float32)


def _flattened(magnitude: FloatArray, width: int) -> FloatArray:
    """Magnitude times frequency, with the mean of its neighbours in place of the constant coefficient."""
    level = magnitude * frequencies((magnitude.shape[1], width))
    level[:, 0, 0] = (level[:, 1, 0] + level[:, -1, 0] + 2 * level[:, 0, 1]) / 4
    return level


def _interpolated(level: FloatArray, width: int, size: tuple[int, int]) -> FloatArray:
    """Read at the frequencies of another size, between the nearest four; rows go round."""
    down = np.fft.fftfreq(size[0]) * level.shape[1]
    across = np.fft.rfftfreq(size[1]) * width
    return _between(_between(level, down, 1, "wrap"), across, 2, "clip")


def _between(values: FloatArray, places: FloatArray, axis: int, mode: str) -> FloatArray:
    low = np.floor(places).astype(int)
    share = (places - low)[:, None] if axis == 1 else places - low
    below, above = (values.take(at, axis=axis, mode=mode) for at in (low, low + 1))  # type: ignore[call-overload]
    mean: FloatArray = below * (1 - share) + above * share
    return mean
