"""Principal components of a layer's filters: the few patterns that patch embeddings are sums of."""

from dataclasses import dataclass

import numpy as np

from viz.core.result import FloatArray

LARGE = 8  # rows or columns from which on components are shown without being asked for
SHOWN = 28  # as Dosovitskiy et al. 2021, figure 7, left


@dataclass(frozen=True)
class Components:
    """Patterns (k, 3, rows, columns) of length 1, and their shares (k,) of the filters' variance, largest first."""

    patterns: FloatArray
    shares: FloatArray


def how_many(asked: int | None, size: tuple[int, int]) -> int:
    """How many components are shown of filters of `size`."""
    if asked is not None:
        return asked
    return SHOWN if max(size) >= LARGE else 0


def components(seen: FloatArray, count: int) -> Components:
    """The first `count` components of filters (n, 3, rows, columns), or as many as there are, about their mean.

    The sign of a component means nothing: the largest value of each is made positive.
    """
    flat = seen.reshape(len(seen), -1).astype(np.float64)
    _, lengths, patterns = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
    total = np.square(lengths).sum()
    kept = min(count, int((lengths > 1e-7 * max(lengths[0], 1e-30)).sum()))
    patterns = patterns[:kept]
    peaks = patterns[np.arange(kept), np.abs(patterns).argmax(1)] if kept else np.zeros(0)
    signed = (patterns * np.sign(peaks)[:, None]).reshape(kept, *seen.shape[1:])
    return Components(signed.astype(np.float32), (np.square(lengths[:kept]) / (total or 1)).astype(np.float32))
