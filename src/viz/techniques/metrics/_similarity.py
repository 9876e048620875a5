"""How alike two maps are: by the order of their pixels, and by structure."""

import numpy as np
from numpy.typing import NDArray

from viz.core.result import FloatArray

_C1, _C2 = 0.01**2, 0.03**2  # Wang et al. 2004, section III.B, for values in [0, 1]
_WINDOW, _SIGMA = 11, 1.5


def rank_correlation(one: FloatArray, other: FloatArray) -> float:
    """Spearman's rank correlation of two maps (h, w), ties sharing their mean rank.

    1 for two equal maps; 0 where one is the same everywhere and the other is not.
    """
    if np.array_equal(one, other):
        return 1.0
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def structural_similarity(one: FloatArray, other: FloatArray) -> float:
    """The structural similarity index of two maps of values from 0, each scaled to a maximum of 1.

    Source: Wang et al. 2004, eq. 13, with their Gaussian window of 11 pixels.
    """
    a, b = _scaled(one), _scaled(other)
    mean_a, mean_b = _windowed(a), _windowed(b)
    var_a = _windowed(a * a) - mean_a**2
    var_b = _windowed(b * b) - mean_b**2
    both = _windowed(a * b) - mean_a * mean_b
    index = (2 * mean_a * mean_b + _C1) * (2 * both + _C2) / ((mean_a**2 + mean_b**2 + _C1) * (var_a + var_b + _C2))
    return float(index.mean())


def _ranks(values: FloatArray) -> NDArray[np.float64]:
    _, where, counts = np.unique(values.reshape(-1), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    found: NDArray[np.float64] = (last - (counts - 1) / 2)[where]
    return found


def _scaled(values: FloatArray) -> NDArray[np.float64]:
    top = float(values.max())
    return values.astype(np.float64) / (top if top > 0 else 1.0)


def _windowed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    import cv2  # here, so that listing the metrics stays quick

    found: NDArray[np.float64] = cv2.GaussianBlur(values, (_WINDOW, _WINDOW), _SIGMA)
    return found
