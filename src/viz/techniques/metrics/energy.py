"""The energy-based pointing game: how much of the heat lies on the object?"""

import numpy as np

from viz.core.metric import Explained, Measured, metric
from viz.core.result import FloatArray
from viz.core.true_regions import TrueRegion


@metric(
    source="Wang et al. 2020, section 4.3, arXiv 1910.01279",
    higher_is_better=True,
    needs_truth=True,
)
class Energy:
    """The share of the map's positive heat that lies on the object, 0 to 1.

    A map without positive heat has none on the object either: 0.
    """

    def __call__(self, explained: Explained) -> Measured:
        """The shares, NaN for an image whose object is not known."""
        pairs = zip(explained.heats, explained.regions, strict=True)
        return Measured(np.array([_share(heat, region) for heat, region in pairs], np.float32))

    def passes(self, per_map: int) -> int:
        """Forward passes per image, beside those of the map."""
        return 0


def _share(heat: FloatArray, region: TrueRegion | None) -> float:
    if region is None:
        return float("nan")
    positive = np.maximum(heat, 0).astype(np.float64)
    total = positive.sum()
    return float(positive[region.inside].sum() / total) if total else 0.0
