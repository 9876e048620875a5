"""How strong each frequency is in photographs: the bundled figures, those of a folder, and for any size."""

from functools import cache

import numpy as np

from viz.core.result import FloatArray
from viz.techniques.synthesis._colours import NATURAL_IMAGES
from viz.techniques.synthesis._spectra import frequencies, variance


@cache
def natural_magnitude() -> FloatArray:
    """(3, 128, 65): of the bundled photographs, as `_measure_statistics.magnitude_from` measures them.

    The orthonormal rfft2 of their decorrelated logits (see `Colours`), brightness first, in magnitude.
    """
    with np.load(NATURAL_IMAGES) as stored:
        quarter = stored["magnitude"].astype(np.float32)  # (3, 65, 65): up is as strong as down
    return np.concatenate([quarter, quarter[:, -2:0:-1]], axis=1)


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
    share = np.expand_dims(places - low, 2 if axis == 1 else 1) if axis == 1 else places - low
    below, above = (values.take(at, axis=axis, mode=mode) for at in (low, low + 1))  # type: ignore[call-overload]
    mean: FloatArray = below * (1 - share) + above * share
    return mean
