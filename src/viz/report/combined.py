"""Several runs side by side, as plain values: a row per image, a column per model and technique."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viz.report.markup import url
from viz.report.run_folder import RunFolder, read_run
from viz.report.views import image_view


@dataclass(frozen=True)
class CombinedColumn:
    """One run of a batch. Runs of the same model and technique over several sources share a column.

    `technique` may say more than the technique's name where a batch runs it twice ("occlusion, patch 16").
    `problem` is why there is no run to show; `folder` is then not read.
    """

    model: str
    technique: str
    folder: Path
    source: str = ""
    problem: str = ""

    @property
    def title(self) -> str:
        """How people call this run."""
        return " \u00b7 ".join(part for part in (self.model, self.technique, self.source) if part)


@dataclass(frozen=True)
class Run:
    """A run that there is, with the column it belongs to and its folder's address from the page."""

    asked: CombinedColumn
    found: RunFolder
    base: str


def read_runs(folder: Path, asked: Sequence[CombinedColumn]) -> list[Run]:
    """The runs that have no problem, read; their addresses are relative to `folder`."""
    return [Run(one, read_run(one.folder), _base(folder, one.folder)) for one in asked if not one.problem]


def columns(asked: Sequence[CombinedColumn], runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Every model and technique in the order of first mention: names, counts and links to its reports."""
    names = dict.fromkeys((one.model, one.technique) for one in asked)
    return [_column(name, [run for run in runs if _name(run) == name]) for name in names]


def rows(asked: Sequence[CombinedColumn], runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Every image of every source, with one cell per column; a cell without a result is None."""
    names = list(dict.fromkeys((one.model, one.technique) for one in asked))
    sources = list(dict.fromkeys(one.source for one in asked))
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for number, run in enumerate(runs):
        source = sources.index(run.asked.source)
        for entry in run.found.images:
            row = found.setdefault((source, entry["key"]), _row(entry, source, run.asked.source, len(names)))
            row["cells"][names.index(_name(run))] = _cell(entry, run, number)
    return [found[key] for key in sorted(found)]


def _name(run: Run) -> tuple[str, str]:
    return run.asked.model, run.asked.technique


def _column(name: tuple[str, str], runs: list[Run]) -> dict[str, Any]:
    done = sum(_counted(run, "done") for run in runs)
    failed = sum(_counted(run, "failed") for run in runs)
    reports = [{"source": run.asked.source, "url": _report(run)} for run in runs if _report(run)]
    return {"model": name[0], "technique": name[1], "done": done, "failed": failed, "reports": reports}


def _counted(run: Run, kind: str) -> int:
    """How many images are done or failed; a survey has no entry for each, and counts them."""
    if run.found.run.get("shape") == "survey":
        return int(run.found.run["images"][kind])
    return len(getattr(run.found, kind))


def _row(entry: dict[str, Any], number: int, source: str, width: int) -> dict[str, Any]:
    return {"name": entry["name"], "order": number, "source": source, "cells": [None] * width}


def _cell(entry: dict[str, Any], run: Run, number: int) -> dict[str, Any]:
    view = image_view(entry, run.base, run.found.run["preprocess"])
    own = view["id"]
    links = {"its run's report": f"{_report(run)}#image={own}"} if _report(run) else {}
    return view | {
        "id": f"{number}/{own}",  # a key is unique within its run only
        "title": f"{entry['name']} \u00b7 {run.asked.model} \u00b7 {run.asked.technique}",
        "urls": view.get("urls", {}) | links,
    }


def _report(run: Run) -> str:
    """The address of the run's own page, empty where it has none."""
    return run.base + "index.html" if (run.asked.folder / "index.html").exists() else ""


def _base(folder: Path, run: Path) -> str:
    return url(Path(os.path.relpath(run, folder)).as_posix()) + "/"
