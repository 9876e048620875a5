"""Filters that are worth nothing: zero, twins of another, or its negative."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viz.core.result import FloatArray
from viz.techniques.activation._filter_set import FilterSet

SAME = 0.999  # cosine
ZERO = 1e-3  # of the median norm
_ROWS = 512  # at once: bounds the memory for thousands of filters


@dataclass(frozen=True)
class Findings:
    """`dead` are indices; `twins` and `negatives` are pairs (k, 2) of indices, the lower first, with `cosines`."""

    dead: NDArray[np.intp]
    twins: NDArray[np.intp]
    negatives: NDArray[np.intp]

    @property
    def duplicates(self) -> int:
        """How many filters are the twin of one before them."""
        return len(set(self.twins[:, 1].tolist()))


def findings(filters: FilterSet) -> Findings:
    """Dead filters, and pairs of live ones of the same inputs with a cosine above 0.999 or below -0.999."""
    dead = filters.norms <= ZERO * np.median(filters.norms)
    pairs = _pairs(filters, np.flatnonzero(~dead)) if filters.seen[0].size > 1 else _none()
    twins, negatives = ([(a, b) for a, b, cosine in pairs if cosine * sign > SAME] for sign in (1, -1))
    return Findings(np.flatnonzero(dead), _as_array(twins), _as_array(negatives))


def _pairs(filters: FilterSet, alive: NDArray[np.intp]) -> list[tuple[int, int, float]]:
    flat = filters.units.reshape(len(filters.units), -1)
    found = []
    for start in range(0, len(alive), _ROWS):
        rows = alive[start : start + _ROWS]
        cosines = flat[rows] @ flat[alive].T
        for row, column in np.argwhere(np.abs(cosines) > SAME):
            first, second = int(rows[row]), int(alive[column])
            if first < second and filters.inputs_of(first) == filters.inputs_of(second):
                found.append((first, second, float(cosines[row, column])))
    return found


def _none() -> list[tuple[int, int, float]]:
    """A single weight is the twin or the negative of any other: nothing to report."""
    return []


def _as_array(pairs: list[tuple[int, int]]) -> NDArray[np.intp]:
    return np.array(pairs, np.intp).reshape(-1, 2)


def described(found: Findings) -> list[str]:
    """The same in words, for warnings; [] where all filters are worth something."""
    texts = []
    if len(found.dead):
        texts.append(f"dead filters (norm below {ZERO:g} of the median): {_listed([str(i) for i in found.dead])}")
    if len(found.twins):
        texts.append(f"twins (cosine above {SAME}): {_listed([f'{a} = {b}' for a, b in found.twins])}")
    if len(found.negatives):
        texts.append(f"negatives (cosine below -{SAME}): {_listed([f'{a} = -{b}' for a, b in found.negatives])}")
    return texts


def _listed(texts: list[str], most: int = 20) -> str:
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def sorted_norms(filters: FilterSet) -> FloatArray:
    """Norms, longest first."""
    found: FloatArray = np.sort(filters.norms)[::-1].copy()
    return found
