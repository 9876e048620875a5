"""What is the same for every image of a run."""

from dataclasses import dataclass
from typing import Any

from viz.core.adapter import Adapter
from viz.core.target import ScoreKind
from viz.engine.loading import Loader


@dataclass(frozen=True)
class Job:
    """One technique over one model: what is the same for every image."""

    technique: Any
    model: Adapter
    target: str
    score: ScoreKind
    loader: Loader
    fail_fast: bool = False
