"""The randomization check by structure: does the map still look the same?"""

from typing import Annotated

from viz.core.metric import Explained, Measured, metric
from viz.core.options import Opt
from viz.techniques.metrics._cascade import similarities
from viz.techniques.metrics._similarity import structural_similarity


@metric(
    source="Adebayo et al. 2018, section 3.1 (cascading randomization), arXiv 1810.03292",
    higher_is_better=False,
    against_edges=False,
    name="randomization-ssim",
)
class RandomizationSsim:
    """As randomization, by the structural similarity of the two maps: what a person would call alike."""

    stages: Annotated[int, Opt("Stages on the way to a model of which nothing is left.", min=1)] = 4

    def __call__(self, explained: Explained) -> Measured:
        """The similarity at the last stage, one per image, and at every stage."""
        return similarities(explained, self.stages, structural_similarity)

    def passes(self, per_map: int) -> int:
        """Forward passes per image, beside those of the map, where randomization has not made them already."""
        return self.stages * per_map
