"""What a plan asks for: models x techniques x sources, and a folder for each combination."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from viz.core.errors import UnknownName
from viz.core.model_options import ModelOptions
from viz.core.run_options import AnyOptions


@dataclass(frozen=True)
class PlannedModel:
    """A [[models]] table; `line` is where it stands."""

    name: str
    spec: str
    options: ModelOptions
    line: int | None = None


@dataclass(frozen=True)
class PlannedTechnique:
    """A [[techniques]] table: a technique with its options, and how it is run, as suits what it gives."""

    name: str
    technique: Any
    options: AnyOptions
    line: int | None = None


@dataclass(frozen=True)
class PlannedSource:
    """A [[sources]] table. `folder` is its part of the path of results, empty for an only one without a name."""

    name: str
    images: tuple[str, ...]
    folder: str = ""
    line: int | None = None


@dataclass(frozen=True)
class Cell:
    """One model, one technique, one source: one run, in a folder of its own."""

    model: PlannedModel
    technique: PlannedTechnique
    source: PlannedSource
    folder: Path

    @property
    def name(self) -> str:
        """`shapes/occlusion`, and `/SOURCE` where the source has a name; what `--only` is held against."""
        return "/".join(part for part in (self.model.name, self.technique.name, self.source.folder) if part)


@dataclass(frozen=True)
class Plan:
    """A whole plan."""

    path: Path
    title: str
    out: Path
    models: tuple[PlannedModel, ...]
    techniques: tuple[PlannedTechnique, ...]
    sources: tuple[PlannedSource, ...]

    def cells(self, only: Sequence[str] = ()) -> list[Cell]:
        """Every combination, one model after the other, so that one model at a time is in memory.

        `only` are globs, of which one has to match a cell's name. Raises `UnknownName` for one that matches none.
        """
        every = [self._cell(m, t, s) for m in self.models for s in self.sources for t in self.techniques]
        names = [cell.name for cell in every]
        for pattern in only:
            if not any(_matches(name, pattern) for name in names):
                raise UnknownName("run of this plan", pattern, names, f"`viz batch {self.path} --dry-run` lists them")
        return [cell for cell in every if not only or any(_matches(cell.name, pattern) for pattern in only)]

    def _cell(self, model: PlannedModel, technique: PlannedTechnique, source: PlannedSource) -> Cell:
        return Cell(model, technique, source, self.out / model.name / technique.name / source.folder)


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, pattern.rstrip("/") + "/*")
