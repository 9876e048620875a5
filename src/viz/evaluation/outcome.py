"""What an evaluation found: figures, doubts, and what could not be used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from viz.core.errors import ExitCode
from viz.evaluation.doubts import Doubt
from viz.evaluation.intervals import Figure
from viz.evaluation.prepared import LeftOut


@dataclass(frozen=True)
class Evaluation:
    """The outcome of `evaluate`.

    Attributes:
        folder: where evaluation.json, evaluation.csv and results.jsonl are.
        techniques, metrics: in the order of the table; the baselines come last.
        figures: per technique's and metric's name; a pair without any value is not there.
        details: means of a metric's further numbers, per pair.
        doubts: techniques that do not beat the edge detector, or do not notice new weights.
        used: how many images were explained; `with_region` of them have a known region.
        left_out: images that were not, with the reason.
        problems: why a technique, or a metric of one, has no figures.
    """

    folder: Path
    techniques: tuple[Any, ...]
    metrics: tuple[Any, ...]
    figures: Mapping[tuple[str, str], Figure]
    details: Mapping[tuple[str, str], Mapping[str, float]]
    doubts: tuple[Doubt, ...]
    used: int
    with_region: int
    left_out: tuple[LeftOut, ...]
    problems: tuple[str, ...]
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def failed(self) -> list[LeftOut]:
        """Images that could not be used."""
        return [one for one in self.left_out if one.status == "failed"]

    @property
    def exit_code(self) -> ExitCode:
        """0; 3 where no technique worked; 4 where some images failed."""
        if not self.figures:
            return ExitCode.MODEL
        return ExitCode.SOME_IMAGES_FAILED if self.failed else ExitCode.DONE
