"""Heat maps from how far a score drops at each position of the patch."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.core.errors import ImageError
from viz.core.peaks import peak_of
from viz.core.result import FloatArray, HeatMap, Number
from viz.techniques.attribution._hidden_scores import Classes, HiddenScores
from viz.techniques.attribution._occlusion_grid import Grid


@dataclass(frozen=True)
class Drops:
    """One image's measurements.

    Attributes:
        score: of the image as it is.
        drops: (rows, columns) of the grid: how far the score drops.
        predicted: (rows, columns): the class predicted under the patch.
        broken: how many variants have a score that is no finite number, the image itself among them.
        computed: (rows, columns) bool: which drops are measured, where the others are interpolated; None: all are.
        numbers: what else is to be said of them.
        warnings: what the user should know.
    """

    score: float
    drops: FloatArray
    predicted: Classes
    broken: int
    computed: NDArray[np.bool_] | None = None
    numbers: dict[str, Number] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def measured(self) -> NDArray[np.intp]:
        """The positions that were measured, numbered row by row."""
        return np.arange(self.drops.size) if self.computed is None else np.flatnonzero(self.computed)


def drops_everywhere(hidden: HiddenScores, grid: Grid) -> list[Drops]:
    """Each image's drops at every position of the grid."""
    shape = len(hidden.images), *grid.shape
    scores, predicted = hidden(grid.places(len(hidden.images)))
    each = zip(hidden.clean, scores.reshape(shape), predicted.reshape(shape), strict=True)
    return [Drops(clean, clean - found, classes, broken_among(clean, found)) for clean, found, classes in each]


def broken_among(score: float, scores: FloatArray) -> int:
    """How many of an image's scores, as it is and with the patch, are no finite numbers."""
    return int((~np.isfinite(scores)).sum()) + (not np.isfinite(score))


def heat_map(grid: Grid, found: Drops, with_classes: bool) -> HeatMap | ImageError:
    """The map of an image, or the reason why it has none."""
    if found.broken:
        return _not_finite(found)
    heat = grid.spread(found.drops)
    y, x = peak_of(heat)
    arrays: dict[str, NDArray[Any]] = {"heat": heat, "drops": found.drops, "tops": grid.tops, "lefts": grid.lefts}
    if found.computed is not None:
        arrays["computed"] = found.computed
    if with_classes:
        arrays["predicted_class"] = grid.nearest(found.predicted)
    numbers = {"score": found.score, "drop": float(heat.max()), "peak_y": y, "peak_x": x, **found.numbers}
    return HeatMap(arrays, numbers, (*_warnings(grid, found), *found.warnings), grid.grain)


def _not_finite(found: Drops) -> ImageError:
    """The error for an image that the model answers with NaN or infinity, whole or with a patch hidden."""
    variants = len(found.measured) + 1
    return ImageError(
        f"the model's score is not a finite number for {found.broken} of {variants} variants of this image",
        "`viz predict` shows whether the preprocessing suits the model",
    )


def _warnings(grid: Grid, found: Drops) -> tuple[str, ...]:
    drops, computed = found.drops, found.computed
    if computed is not None and not grid.hidden(computed).all():
        return (
            "some parts of the image were never hidden, and the map is interpolated over them: "
            "give a smaller --stride, a larger --patch or a larger share of --positions",
        )
    if np.ptp(drops) == 0:
        return ("hiding any part changes nothing: the target does not depend on the image here",)
    if drops.max() <= 0:
        return ("hiding no part lowers the score: nothing in the image speaks for this target",)
    return ()
