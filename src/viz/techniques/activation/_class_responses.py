"""The classes whose images excite a channel most, and how much it prefers the first of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_LISTED = 5


def class_means(sums: Array, images: Array) -> NDArray[np.float64]:
    """The mean of each class's images, (k, c) from sums (k, c) and counts (k,); -inf for a class without any."""
    counts = images[:, None]
    return np.where(counts > 0, sums / np.maximum(counts, 1), -np.inf)


def selectivity(means: Array) -> NDArray[np.float64]:
    """(a - b) / (a + b) for each channel of class means (k, c), with a the largest and b the mean of the others.

    0 for the same in all classes, 1 for a channel that one class alone excites; what is below zero counts as zero, and
    0 where all is. Source: Morcos et al. 2018, arXiv 1803.06959, section 3.
    """
    known = np.maximum(means[np.isfinite(means[:, 0])], 0)
    best = known.max(axis=0)
    others = (known.sum(axis=0) - best) / (len(known) - 1)
    total = best + others
    found: NDArray[np.float64] = np.where(total > 0, (best - others) / np.where(total > 0, total, 1), 0)
    return found


def best_classes(means: Array, images: Array, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """The classes with the largest means (k,) of one channel, best first, as plain values."""
    order = [int(i) for i in np.argsort(-means, kind="stable")[:_LISTED] if images[i]]
    return [{"name": names[i], "mean": float(means[i]), "images": int(images[i])} for i in order]
