"""Insertion: does the score rise fast when the hottest pixels come back?"""

import numpy as np

from viz.core.metric import Explained, Measured, metric
from viz.techniques.metrics.deletion_insertion import STEPS, area, insertion_curve


@metric(source="Petsiuk et al. 2018, section 3.2, arXiv 1806.07421", higher_is_better=True)
class Insertion:
    """The mean probability while pixels come back onto a blurred image, the hottest first: high is good."""

    def __call__(self, explained: Explained) -> Measured:
        """Areas under the curves, one per image."""
        rows = zip(explained.images, explained.heats, explained.targets, strict=True)
        return Measured(np.array([area(insertion_curve(explained.model, *row)) for row in rows], np.float32))

    def passes(self, per_map: int) -> int:
        """Forward passes per image, beside those of the map."""
        return STEPS + 1
