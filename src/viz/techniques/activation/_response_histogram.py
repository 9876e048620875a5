"""How the largest responses of the images are distributed: counts in buckets of a bounded relative width."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.techniques.activation._layer_plans import LayerPlan

Array = NDArray[Any]

# As in a sketch of Masson, Rim & Lee 2019 (DDSketch, arXiv 1908.10693), with buckets of equal width within an octave,
# so that a bucket is read off a float's bits and is the same on every machine.
_PER_OCTAVE = 8
_BITS = 3  # of the mantissa: 2^3 = 8
_LOWEST, _HIGHEST = -13, 6  # octaves: from scale / 8192 to 64 times the scale
_ONE_SIDE = (_HIGHEST - _LOWEST) * _PER_OCTAVE
BUCKETS = 2 * _ONE_SIDE + 1
RELATIVE_ERROR = 1 / 16  # of a value, by its bucket's middle: half of a bucket, at the lower end of an octave
_EXPONENT_OF_ONE = 127
_MANTISSA_BITS = 23


def counted(histogram: Array, peaks: Array, plan: LayerPlan) -> Array:
    """A histogram (c, buckets) with b more images, whose largest responses are (b, c)."""
    found = histogram.copy()
    channels = np.broadcast_to(np.arange(peaks.shape[1]), peaks.shape)
    np.add.at(found, (channels, buckets(peaks, plan.scale)), 1)
    return found


def buckets(values: Array, scale: float) -> NDArray[np.int64]:
    """The bucket of each value: negative ones first, then the one around zero, then positive ones.

    Nearer to zero than scale / 8192 counts as zero; beyond 64 times the scale, as the last bucket.
    """
    parts = (values.astype(np.float64) / scale).astype(np.float32)
    bits = np.abs(parts).view(np.int32) >> (_MANTISSA_BITS - _BITS)  # exponent and first bits of the mantissa
    step = bits.astype(np.int64) - ((_EXPONENT_OF_ONE + _LOWEST) << _BITS) + 1
    return _ONE_SIDE + np.sign(parts).astype(np.int64) * np.clip(step, 0, _ONE_SIDE)


def edges(scale: float) -> NDArray[np.float64]:
    """Where the buckets begin and end, (buckets + 1,), rising."""
    octaves = np.repeat(np.arange(_LOWEST, _HIGHEST), _PER_OCTAVE)
    within = 1 + np.tile(np.arange(_PER_OCTAVE), _HIGHEST - _LOWEST) / _PER_OCTAVE
    positive = np.append(np.ldexp(within, octaves), 2.0**_HIGHEST) * scale
    return np.concatenate([-positive[::-1], positive])


def quantiles(histogram: Array, scale: float, shares: tuple[float, ...]) -> NDArray[np.float64]:
    """The values that these shares of the images do not exceed, (c, shares); at least one image has to be counted.

    Off by at most 1/16 of the value, about 6 %; nearer to zero than scale / 8192, it is 0.
    """
    so_far = np.cumsum(histogram, axis=1)
    limits = edges(scale)
    middles = (limits[1:] + limits[:-1]) / 2
    ranks = np.ceil(np.array(shares) * so_far[:, -1:])  # (c, shares), the lower of two at a half
    found = np.stack([(so_far < rank[:, None]).sum(axis=1) for rank in np.maximum(ranks, 1).T], axis=1)
    return np.asarray(middles[found], np.float64)


def shown(histogram: Array, scale: float, most: int = 48) -> tuple[list[float], list[int]]:
    """A channel's histogram (buckets,) from its first image to its last, neighbours put together: (edges, counts)."""
    used = np.flatnonzero(histogram)
    first, last = int(used[0]), int(used[-1]) + 1
    step = -(-(last - first) // most)
    last = min(BUCKETS, first + step * -(-(last - first) // step))
    counts = np.add.reduceat(histogram[first:last], np.arange(0, last - first, step))
    borders = np.append(edges(scale)[first:last:step], edges(scale)[last])
    return [float(border) for border in borders], [int(count) for count in counts]
