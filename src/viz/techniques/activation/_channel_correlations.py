"""Which channels of a layer respond to the same images."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MOST_CHANNELS = 4096
_AT_ONCE = 256  # channels: bounds the memory


def most_correlated(responses: Array, count: int) -> list[list[tuple[int, float]]]:
    """For each channel of responses (n, c), the others that correlate with it most, up or down, strongest first.

    Pearson's r. A channel that is the same on all images correlates with none, and nobody with it.
    """
    scaled = _standardized(responses.astype(np.float64))
    found = []
    for start in range(0, scaled.shape[1], _AT_ONCE):
        block = np.clip(scaled[:, start : start + _AT_ONCE].T @ scaled, -1, 1)
        rows = np.arange(len(block))
        block[rows, start + rows] = 0
        order = np.argsort(-np.abs(block), axis=1, kind="stable")[:, :count]
        strongest = np.take_along_axis(block, order, axis=1)
        found += [_pairs(others, values) for others, values in zip(order, strongest, strict=True)]
    return found


def _standardized(responses: Array) -> Array:
    """Columns of mean zero and length one; zero where all are the same."""
    if len(responses) < 3:  # a line goes through two points
        return np.zeros_like(responses)
    constant = (responses == responses[:1]).all(axis=0)
    centred = responses - responses.mean(axis=0)
    lengths = np.sqrt((centred**2).sum(axis=0))
    return np.where(constant, 0, centred / np.where(constant, 1, lengths))


def _pairs(channels: Array, values: Array) -> list[tuple[int, float]]:
    return [(int(channel), float(value)) for channel, value in zip(channels, values, strict=True) if value]
