"""Deletion: does the score fall fast when the hottest pixels go?"""

import numpy as np

from viz.core.metric import Explained, Measured, metric
from viz.techniques.metrics.deletion_insertion import STEPS, area, deletion_curve


@metric(source="Petsiuk et al. 2018, section 3.2, arXiv 1806.07421", higher_is_better=False)
class Deletion:
    """The mean probability while pixels turn gray, the hottest first: low where the map names what counts."""

    def __call__(self, explained: Explained) -> Measured:
        """Areas under the curves, one per image."""
        rows = zip(explained.images, explained.heats, explained.targets, strict=True)
        return Measured(np.array([area(deletion_curve(explained.model, *row)) for row in rows], np.float32))

    def passes(self, per_map: int) -> int:
        """Forward passes per image, beside those of the map."""
        return STEPS + 1
