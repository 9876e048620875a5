"""Deletion and insertion: does the score follow the pixels that the map calls important?"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from viz.core.adapter import Adapter
from viz.core.batching import worth_at_once
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target, class_target
from viz.techniques._blur import blurred

STEPS = 50
_BLUR_KERNEL = 11  # and sigma 5: the paper's start for insertion, at 224 pixels
_BLUR_SIGMA = 5.0


def deletion_insertion(model: Adapter, image: FloatArray, found: HeatMap, target: Target) -> HeatMap:
    """The map with its areas and curves added.

    Deletion turns pixels gray (0.5) from the hottest on, and insertion brings them back onto a blurred
    image; both read the class's probability where the target is a class, else the target itself, at 51
    points from none to all pixels. The areas are means of the curves by the trapezoid rule: low deletion
    and high insertion are good.
    Source: Petsiuk et al. 2018, section 3.2, arXiv 1806.07421.
    """
    deletion = deletion_curve(model, image, found.heat, target)
    insertion = insertion_curve(model, image, found.heat, target)
    areas = {"deletion_auc": area(deletion), "insertion_auc": area(insertion)}
    curves = {"deletion_curve": deletion, "insertion_curve": insertion}
    return replace(found, arrays={**found.arrays, **curves}, numbers={**found.numbers, **areas})


def deletion_curve(model: Adapter, image: FloatArray, heat: FloatArray, target: Target) -> FloatArray:
    """Scores (51,) while the pixels of an image (3, h, w) turn gray, the hottest of `heat` (h, w) first."""
    return _curve(model, probability_of(model, target), image, np.full_like(image, 0.5), _hottest_first(heat))


def insertion_curve(model: Adapter, image: FloatArray, heat: FloatArray, target: Target) -> FloatArray:
    """Scores (51,) while the pixels of an image come back onto its blurred self, the hottest first."""
    start = blurred(image, _BLUR_SIGMA, _BLUR_KERNEL)
    return _curve(model, probability_of(model, target), start, image, _hottest_first(heat))


def probability_of(model: Adapter, target: Target) -> Target:
    """The class's probability where the target is a class's score, else the target itself."""
    return target if target.class_index is None else class_target(model, target.class_index, "probability")


def area(curve: FloatArray) -> float:
    """The mean of a curve by the trapezoid rule."""
    return float(np.trapezoid(curve.astype(np.float64)) / (len(curve) - 1))


def _hottest_first(heat: FloatArray) -> NDArray[np.intp]:
    return np.argsort(-heat, axis=None, kind="stable")


def _curve(model: Adapter, target: Target, start: FloatArray, end: FloatArray, order: NDArray[np.intp]) -> FloatArray:
    """Scores (STEPS + 1,) while pixels of `start` are replaced by those of `end`, in `order`."""
    rank = np.empty(order.size, np.intp)
    rank[order] = np.arange(order.size)
    replaced = np.linspace(0, order.size, STEPS + 1).round().astype(np.intp)
    scores = []
    for first in range(0, len(replaced), worth_at_once(model)):
        counts = replaced[first : first + worth_at_once(model)]
        done = (rank < counts[:, None]).reshape(-1, 1, *start.shape[1:])
        scores.append(target.of(model.run(np.where(done, end, start), target.layers)))
    return np.concatenate(scores)
