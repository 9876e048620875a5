"""The figures and the flags of a layer's channels, from its sums and its histogram."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Number
from viz.core.surveying import State
from viz.techniques.activation._class_responses import best_classes, class_means, selectivity
from viz.techniques.activation._layer_plans import LayerPlan
from viz.techniques.activation._response_histogram import quantiles, shown
from viz.techniques.activation._response_sums import floating

Array = NDArray[Any]

RARE = 0.01  # share of the images
_SHARES = (0.5, 0.9, 0.99)


@dataclass(frozen=True)
class UnitFigures:
    """Figures of c channels over at least one image; `numbers`, `flags` and `details` give those of one.

    Attributes:
        plain: (c,) each, by name.
        class_means: (k, c), of the largest responses of each class's images.
        class_images: (k,).
        quantiles: (c, 3), of the images' largest responses.
        histogram: (c, buckets), of these.
    """

    classes: tuple[str, ...]
    scale: float
    plain: dict[str, Array]
    class_means: Array
    class_images: Array
    quantiles: Array
    histogram: Array

    @classmethod
    def of(cls, plan: LayerPlan, classes: tuple[str, ...], sums: State, histogram: Array) -> "UnitFigures":
        """From what was counted."""
        images = int(sums["images"][0])
        means = class_means(floating(sums["classes"], plan), sums["class_images"])
        plain = {
            "max": sums["largest"],
            "mean": floating(sums["mean"], plan) / images,
            "fires": sums["fires"] / (images * plan.positions[0] * plan.positions[1]),
            "fires_images": sums["fires_images"] / images,
        }
        if np.count_nonzero(sums["class_images"]) > 1:
            plain["selectivity"] = selectivity(means)
        # A bucket's middle may lie beyond the largest of all.
        found = np.minimum(quantiles(histogram, plan.scale, _SHARES), sums["largest"][:, None])
        return cls(classes, plan.scale, plain, means, sums["class_images"], found, histogram)

    def numbers(self, index: int) -> dict[str, Number]:
        """Max, mean, fires, fires_images, and selectivity where true classes are known."""
        return {name: float(values[index]) for name, values in self.plain.items()}

    def flags(self, index: int) -> tuple[str, ...]:
        """Of "dead", "rare" and "always on", the one that applies."""
        share = self.plain["fires_images"][index]
        if share == 0:
            return ("dead",)
        if share <= RARE:
            return ("rare",)
        return ("always on",) if self.plain["fires"][index] == 1 else ()

    def details(self, index: int) -> dict[str, Any]:
        """Best classes, histogram and quantiles, as plain values."""
        borders, counts = shown(self.histogram[index], self.scale)
        return {
            "classes": best_classes(self.class_means[:, index], self.class_images, self.classes),
            "histogram": {"edges": borders, "counts": counts},
            "quantiles": {str(q): float(v) for q, v in zip(_SHARES, self.quantiles[index], strict=True)},
        }
