"""Which techniques deserve doubt: no better than a detector of edges, or blind to what the model has learned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.evaluation.baselines import EDGES
from viz.evaluation.intervals import Figure, figure

UNCHANGED = 0.5  # mean rank correlation with the maps of a model that has lost half of its layers or more
RANDOMIZATION = "randomization"

Values = Mapping[tuple[str, str], NDArray[np.float64]]
Details = Mapping[tuple[str, str], Mapping[str, float]]


@dataclass(frozen=True)
class Doubt:
    """A technique, the metric that raises the doubt, and the doubt in words."""

    technique: str
    metric: str
    text: str


def doubts(
    values: Values, details: Details, techniques: Sequence[Any], metrics: Sequence[Any], seed: int
) -> list[Doubt]:
    """Every doubt about the techniques.

    `values` has one number per image for each technique and metric; `details` the means of the further ones, those
    of the randomization by its stages, in order.
    """
    names = [technique.info.name for technique in techniques if technique.info.family != "baseline"]
    found = [doubt for name in names for metric in metrics if (doubt := _against_edges(values, name, metric, seed))]
    return found + [doubt for name in names if (doubt := _unchanged(details, name))]


def _against_edges(values: Values, technique: str, metric: Any, seed: int) -> Doubt | None:
    """A doubt where the technique is not better, image by image, by a 95 % interval of the mean difference."""
    name = metric.info.name
    own, edges = values.get((technique, name)), values.get((EDGES, name))
    if not metric.info.against_edges or own is None or edges is None:
        return None
    sign = 1 if metric.info.higher_is_better else -1
    gain = figure(sign * (own - edges), seed)
    if gain is None or gain.low > 0:
        return None
    both = np.isfinite(own) & np.isfinite(edges)
    verdict = "worse than" if gain.high < 0 else "not clearly better than"
    return Doubt(
        technique,
        name,
        f"{technique} is {verdict} the edge detector in {name}: {own[both].mean():.3g} against "
        f"{edges[both].mean():.3g} ({'higher' if sign > 0 else 'lower'} is better; gain {_written(gain)})",
    )


def _unchanged(details: Details, technique: str) -> Doubt | None:
    """A doubt where maps stay alike with new weights in half of the layers or more: the classifier is gone then."""
    stages = list(details.get((technique, RANDOMIZATION), {}).items())
    alike = [(stage, mean) for stage, mean in stages[(len(stages) - 1) // 2 :] if mean >= UNCHANGED]
    if not alike:
        return None
    stage, mean = alike[-1]
    return Doubt(
        technique,
        RANDOMIZATION,
        f"{technique} passes a randomized model unchanged: with new weights in {stage} its maps still rank the pixels "
        f"alike (rank correlation {mean:.2f}; {UNCHANGED} is flagged)",
    )


def _written(gain: Figure) -> str:
    return f"{gain.mean:+.3g}, 95 % interval {gain.low:+.3g} to {gain.high:+.3g}"
