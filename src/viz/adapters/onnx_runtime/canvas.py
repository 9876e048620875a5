"""Variants of images drawn in the model's own input: only the squares that change are written."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.core.patches import Patched
from viz.core.preprocess import Layout
from viz.core.result import FloatArray

Encode = Callable[[FloatArray], NDArray[Any]]


class Canvas:
    """Rows of encoded images, kept from batch to batch.

    Preprocessing works pixel by pixel, so replacing a square before or after it gives the same values.
    Each image and fill is encoded once; a row that already shows the right image gets its old square
    back and the new one drawn.
    """

    def __init__(self, images: FloatArray, fills: FloatArray, encode: Encode, layout: Layout):
        self._source = images, fills
        self._images, self._fills = encode(images), encode(np.ascontiguousarray(fills))
        self._layout = layout
        self._rows = np.empty((0, *self._images.shape[1:]), self._images.dtype)
        self._shown: list[tuple[int, tuple[Any, ...]]] = []

    def shows(self, patched: Patched) -> bool:
        """True where it was made for these very images and fills."""
        return patched.images is self._source[0] and patched.fills is self._source[1]

    def draw(self, patched: Patched) -> NDArray[Any]:
        """All variants in the model's input format; valid until the next call."""
        if len(self._rows) < len(patched):
            self._rows = np.empty((len(patched), *self._images.shape[1:]), self._images.dtype)
            self._shown = []
        for row, (image, top, left) in enumerate(patched.places.tolist()):
            square = self._square(top, left, patched.side)
            self._clean(row, image)
            self._rows[row][square] = self._fills[image][square]
            self._shown[row] = image, square
        return self._rows[: len(patched)]

    def _clean(self, row: int, image: int) -> None:
        """Make a row show the whole image again."""
        if row == len(self._shown):
            self._shown.append((-1, ()))
        shown, square = self._shown[row]
        if shown == image:
            self._rows[row][square] = self._images[image][square]
        else:
            self._rows[row] = self._images[image]

    def _square(self, top: int, left: int, side: int) -> tuple[Any, ...]:
        rows, columns = slice(top, top + side), slice(left, left + side)
        return (slice(None), rows, columns) if self._layout == "nchw" else (rows, columns)
