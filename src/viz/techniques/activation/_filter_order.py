"""In which order filters are drawn."""

import numpy as np
from numpy.typing import NDArray

from viz.core.result import FloatArray
from viz.techniques.activation._filter_set import FilterSet

_GRAY = 0.1  # share of a filter's energy in colour below which it counts as gray
# Two axes of colour, at right angles to gray: red against cyan, and green against magenta less its red.
_AXES = np.array([[2, -1, -1], [0, 1, -1]]) / np.sqrt([[6], [2]])


def order(filters: FilterSet, sort: str) -> NDArray[np.intp]:
    """Indices in the order of `sort`: "index", "norm" (longest first) or "hue"."""
    if sort == "norm":
        return np.argsort(-filters.norms, kind="stable")
    if sort == "hue":
        return _by_hue(filters.units, filters.norms)
    return np.arange(len(filters.norms))


def _by_hue(units: FloatArray, norms: FloatArray) -> NDArray[np.intp]:
    """Gray ones, longest first; then by the axis of colour that most of a filter lies along, red and cyan first.

    A filter and its negative have the same axis: red against cyan is cyan against red.
    """
    chroma = np.einsum("ac,ncyx->nayx", _AXES, units).reshape(len(units), 2, -1)
    energy = np.square(chroma).sum((1, 2))
    spread = chroma @ chroma.transpose(0, 2, 1)
    angle = 0.5 * np.arctan2(2 * spread[:, 0, 1], spread[:, 0, 0] - spread[:, 1, 1]) % np.pi
    gray = energy < _GRAY
    return np.lexsort((np.where(gray, -norms, angle), ~gray))
