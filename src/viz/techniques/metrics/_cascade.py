"""Maps of a model whose layers lose what they have learned, from the last one on."""

from collections.abc import Callable

import numpy as np

from viz.core.metric import Explained, Measured, once
from viz.core.result import FloatArray
from viz.techniques.metrics._again import heats_again, with_same_layer

Stages = dict[float, list[FloatArray | None]]


def cascade(explained: Explained, stages: int) -> Stages:
    """For each part of the layers drawn anew, in equal stages up to all, a map for each image.

    Made once for all metrics that look at them. The technique reads the layer that it chose before.
    """

    def make() -> Stages:
        technique = with_same_layer(explained.technique, explained.maps[0])
        parts = [(i + 1) / stages for i in range(stages)]
        return {
            part: heats_again(technique, explained.randomized(part), explained.images, explained.targets)
            for part in parts
        }

    return once(explained.of_maps, ("cascade", stages), make)


def similarities(explained: Explained, stages: int, alike: Callable[[FloatArray, FloatArray], float]) -> Measured:
    """How alike the maps' absolute values are before and after, at the last stage and, as details, at each.

    NaN for an image for which the technique finds no map with new weights.
    """
    at: dict[float, FloatArray] = {}
    for part, after in cascade(explained, stages).items():
        pairs = zip(explained.heats, after, strict=True)
        values = [float("nan") if b is None else alike(np.abs(a), np.abs(b)) for a, b in pairs]
        at[part] = np.array(values, np.float32)
    return Measured(at[1.0], {f"{part:.0%} of the layers": values for part, values in at.items()})
