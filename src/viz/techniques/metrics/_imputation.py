"""Noisy linear imputation: removed pixels become weighted means of their neighbours, removed ones included."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viz.core.result import FloatArray

NOISE = 0.01  # standard deviation that is added, in pixel values
_WEIGHTS = np.array([[1, 2, 1], [2, 0, 2], [1, 2, 1]], np.float32) / 12  # 1/6 beside, 1/12 across
_TOLERANCE = 1e-4  # expected change by a further step, in pixel values: a hundredth of the noise
_MOST_STEPS = 200
_DAMPING = np.float32(0.8)  # of Jacobi steps: takes the checkerboards out
_SMALLEST = 4  # pixels a side of the coarsest level


@dataclass(frozen=True)
class _Level:
    """The equations at one size: which pixels are unknown (1 or 0), and the neighbours' weights of each, (h, w, 1)."""

    unknown: FloatArray
    count: FloatArray

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, as OpenCV counts."""
        return self.unknown.shape[1], self.unknown.shape[0]

    def residual(self, values: FloatArray) -> FloatArray:
        """How far each unknown pixel is from what its neighbours ask for, times their weight."""
        found: FloatArray = self.unknown * (_around(values) - self.count * values)
        return found


def imputed(image: FloatArray, removed: NDArray[np.bool_], random: np.random.Generator) -> FloatArray:
    """An image (3, h, w) with the pixels `removed` (h, w) filled in; the others keep their values exactly.

    Rong et al. 2022, section 4.2 (ROAD), arXiv 2202.00449: the filled values solve one linear system, in
    which each is the mean of its eight neighbours, those beside it counting twice; at the border the
    neighbours that there are. Then noise is added, so that a model does not see how smooth they are.
    """
    noise = random.normal(0, NOISE, image.shape).astype(np.float32)
    return np.where(removed, linear_imputation(image, removed) + noise, image)


def linear_imputation(image: FloatArray, removed: NDArray[np.bool_]) -> FloatArray:
    """`imputed` without the noise, to about 1e-4. Raises `ValueError` where no pixel is left."""
    if removed.all():
        raise ValueError("nothing is left to fill the removed pixels from")
    pixels = np.ascontiguousarray(image.transpose(1, 2, 0), np.float32)
    start = np.where(removed[..., None], pixels[~removed].mean(axis=0), pixels)
    return np.ascontiguousarray(_solved(start, removed).transpose(2, 0, 1))


def _solved(values: FloatArray, removed: NDArray[np.bool_]) -> FloatArray:
    """Conjugate gradients from `values` (h, w, c) on, each step improved over all sizes (multigrid)."""
    levels = _levels(removed)
    rest = levels[0].residual(values)
    better = _correction(levels, rest)
    step, size = better, _products(rest, better)
    for _ in range(_MOST_STEPS):
        if np.abs(better).max() <= _TOLERANCE:
            break
        applied = -levels[0].residual(step)
        length = size / _positive(_products(step, applied))
        values = values + length * step
        before, rest = rest, rest - length * applied
        better = _correction(levels, rest)
        # The form of Polak and Ribiere, because the correction is not exactly symmetric at the border.
        step = better + (_products(rest - before, better) / _positive(size)) * step
        size = _products(rest, better)
    return values


def _levels(removed: NDArray[np.bool_]) -> list[_Level]:
    """The equations at falling sizes; a coarse pixel is unknown where all that it stands for is."""
    import cv2

    levels: list[_Level] = []
    unknown = removed.astype(np.float32)
    while unknown.any():
        count = _around(np.ones(unknown.shape, np.float32))  # less than 1 at the border
        levels.append(_Level(unknown[..., None], count[..., None]))
        height, width = unknown.shape
        if min(height, width) <= _SMALLEST:
            break
        part = cv2.resize(unknown, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
        unknown = (part > 0.999).astype(np.float32)
    return levels or [_Level(unknown[..., None], np.ones_like(unknown[..., None]))]


def _correction(levels: Sequence[_Level], rest: FloatArray) -> FloatArray:
    """About what has to be added to the values to take away `rest`: a V-cycle with one damped Jacobi step each way."""
    import cv2

    level, coarser = levels[0], levels[1:]
    values = _DAMPING * level.unknown * rest / level.count
    if coarser:
        left = cv2.pyrDown(rest + level.residual(values), dstsize=coarser[0].size)
        # Four pixels become one, and the same difference is twice as steep there.
        small = _correction(coarser, 4 * coarser[0].unknown * left)
        values = values + level.unknown * cv2.pyrUp(small, dstsize=level.size)
    improved: FloatArray = values + _DAMPING * (rest + level.residual(values)) / level.count
    return level.unknown * improved


def _products(one: FloatArray, other: FloatArray) -> FloatArray:
    """Inner products per channel, (c,)."""
    products = (one * other).reshape(-1, one.shape[2])
    # A sum over all but the last, short axis is slow in numpy; a product with ones is the same.
    found: FloatArray = np.ones(len(products), np.float32) @ products
    return found


def _positive(values: FloatArray) -> FloatArray:
    return np.maximum(values, np.float32(1e-30))


def _around(values: FloatArray) -> FloatArray:
    """The weighted sum over the eight neighbours, nothing beyond the border."""
    import cv2  # here, so that listing the metrics stays quick

    summed: FloatArray = cv2.filter2D(values, -1, _WEIGHTS, borderType=cv2.BORDER_CONSTANT)
    return summed
