"""Weights of a deeper layer as one picture: a row for each output, a column for each input."""

import numpy as np

from viz.core.images import Pixels
from viz.core.result import FloatArray
from viz.techniques.activation._filter_text import paragraph
from viz.techniques.activation._filter_tiles import enlarged, framed, signed

_SIDE = 640  # about; small matrices are enlarged to it
_MOST = 2048  # cells along a side; larger matrices are summed up
_BORDER = 4


def matrix_of(weights: FloatArray) -> FloatArray:
    """(outputs, inputs / groups): the weight itself of a 1x1 kernel, of a larger one its length over positions."""
    if weights.shape[2:] == (1, 1):
        return weights[:, :, 0, 0]
    found: FloatArray = np.sqrt(np.square(weights, dtype=np.float64).sum((2, 3))).astype(np.float32)
    return found


def matrix_picture(matrix: FloatArray, caption: str) -> Pixels:
    """Red above 0, blue below, in one scale; of several cells that share a pixel the strongest is shown."""
    fewer = _strongest(_strongest(matrix, 0), 1)
    largest = float(np.abs(fewer).max()) or 1.0
    drawn = framed(enlarged(signed(fewer / np.float32(largest)), _SIDE))
    canvas = np.full((drawn.shape[0] + 2 * _BORDER, max(320, drawn.shape[1] + 2 * _BORDER), 3), 255, np.uint8)
    canvas[_BORDER : _BORDER + drawn.shape[0], _BORDER : _BORDER + drawn.shape[1]] = drawn
    return np.concatenate([canvas, paragraph(caption, canvas.shape[1])])


def _strongest(matrix: FloatArray, axis: int) -> FloatArray:
    """At most so many cells along an axis, each the value of largest size of those that it stands for."""
    step = -(-matrix.shape[axis] // _MOST)
    if step == 1:
        return matrix
    starts = np.arange(0, matrix.shape[axis], step)
    most, least = (reduce.reduceat(matrix, starts, axis=axis) for reduce in (np.maximum, np.minimum))
    return np.where(most >= -least, most, least)
