"""The pointing game: does the hottest pixel lie on the object?"""

from typing import Annotated

import numpy as np

from viz.core.metric import Explained, Measured, metric
from viz.core.options import Opt
from viz.core.peaks import peak_of
from viz.core.result import HeatMap
from viz.core.true_regions import TrueRegion


@metric(
    source="Zhang et al. 2018, section 4.1, arXiv 1608.00507; tolerance as in TorchRay",
    higher_is_better=True,
    needs_truth=True,
)
class PointingGame:
    """Whether the map's hottest pixel lies on the object, or nearer to it than a tolerance: 1 or 0.

    The tolerance counts in pixels of the photo, not of the model's input. With 0, the peak must lie on
    the object itself. A map that is the same everywhere points nowhere: a miss.
    """

    tolerance: Annotated[float, Opt("Distance that still counts as a hit, in the photo's pixels.", min=0)] = 15.0

    def __call__(self, explained: Explained) -> Measured:
        """1 for a hit, 0 for a miss, NaN for an image whose object is not known."""
        pairs = zip(explained.maps, explained.regions, strict=True)
        return Measured(np.array([self._hit(one, region) for one, region in pairs], np.float32))

    def passes(self, per_map: int) -> int:
        """Forward passes per image, beside those of the map."""
        return 0

    def _hit(self, found: HeatMap, region: TrueRegion | None) -> float:
        if region is None:
            return float("nan")
        if np.ptp(found.heat) == 0:
            return 0.0
        y, x = peak_of(found.heat)
        return float(region.holds(y, x) or region.distance(y, x) < self.tolerance)
