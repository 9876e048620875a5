"""The randomization check: does the map change when the model forgets what it has learned?"""

from typing import Annotated

from viz.core.metric import Explained, Measured, metric
from viz.core.options import Opt
from viz.techniques.metrics._cascade import similarities
from viz.techniques.metrics._similarity import rank_correlation


@metric(
    source="Adebayo et al. 2018, section 3.1 (cascading randomization), arXiv 1810.03292",
    higher_is_better=False,
    against_edges=False,
)
class Randomization:
    """The rank correlation between the map and that of the same model with new weights, signs left out.

    Layers are drawn anew in stages from the last to the first; the figure is that of the last stage, where
    nothing of what was learned is left. Near 1, the map shows the image and not what the model has learned.
    """

    stages: Annotated[int, Opt("Stages on the way to a model of which nothing is left.", min=1)] = 4

    def __call__(self, explained: Explained) -> Measured:
        """Spearman's correlation at the last stage, one per image, and at every stage."""
        return similarities(explained, self.stages, rank_correlation)

    def passes(self, per_map: int) -> int:
        """Forward passes per image, beside those of the map."""
        return self.stages * per_map
