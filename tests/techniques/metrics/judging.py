"""Maps made by hand, as a metric gets them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from viz.core.adapter import Adapter
from viz.core.metric import Explained
from viz.core.result import HeatMap
from viz.core.target import Target
from viz.core.true_regions import TrueRegion
from viz.evaluation.baselines import Edges


def explained(
    model: Adapter,
    images: Any,
    heats: Any,
    targets: Sequence[Target],
    regions: Sequence[TrueRegion | None] | None = None,
    technique: Any = None,
    randomized: Any = None,
) -> Explained:
    """Images (b, 3, h, w) with maps (b, h, w)."""
    return Explained(
        model,
        technique or Edges(),
        np.asarray(images, np.float32),
        targets,
        [HeatMap({"heat": np.asarray(heat, np.float32)}) for heat in heats],
        regions or [None] * len(images),
        randomized or (lambda part: model),
    )


def one_hot(size: tuple[int, int], y: int, x: int) -> Any:
    """A map that is hot at one pixel."""
    heat = np.zeros(size, np.float32)
    heat[y, x] = 1
    return heat


def region(size: tuple[int, int], rows: slice, columns: slice, pixel: tuple[float, float] = (1, 1)) -> TrueRegion:
    """A rectangle as an object."""
    inside = np.zeros(size, np.bool_)
    inside[rows, columns] = True
    return TrueRegion(inside, pixel)
