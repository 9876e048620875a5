"""The runs of a plan, one after the other; one that cannot be done does not keep the others from it."""

import json
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from viz.batch.outcome import Outcome
from viz.batch.plan import Cell, Plan
from viz.core.adapter import Adapter
from viz.core.errors import ExitCode, VizError
from viz.core.model_options import ModelOptions
from viz.core.run_options import MakeOptions
from viz.engine.shared_photos import SharedPhotos
from viz.models import open_model
from viz.runs import Listener, RunSummary, SurveySummary, run

SCHEMA = 1
KEPT_MEGABYTES = 1000

Load = Callable[[str, ModelOptions], Adapter]
Watch = Callable[[Cell], AbstractContextManager[Listener]]


def run_plan(
    plan: Plan,
    cells: Sequence[Cell] | None = None,
    *,
    command: str | None = None,
    load: Load = open_model,
    watch: Watch = lambda cell: nullcontext(Listener()),
    photos: SharedPhotos | None = None,
) -> Iterator[Outcome]:
    """Run `cells` (default: all of the plan), giving each one's outcome as soon as it is known.

    Each run has its own folder, and one that finished before is only looked through. Image files are
    decoded once as long as their pixels fit into `photos`. A model that cannot be loaded, or a run that
    raises, is an outcome with a problem. After each run, `batch.json` in the plan's folder says how far
    the batch is.
    """
    cells = plan.cells() if cells is None else cells
    photos = photos or SharedPhotos(KEPT_MEGABYTES * 1_000_000)
    means = _Means(load, watch, photos, command)
    outcomes: list[Outcome] = []
    for _, group in groupby(cells, key=lambda cell: cell.model):
        for outcome in _of_one_model(list(group), means):
            outcomes.append(outcome)
            _write(plan, outcomes, len(cells), means)
            yield outcome


@dataclass(frozen=True)
class _Means:
    """What all runs of a batch use."""

    load: Load
    watch: Watch
    photos: SharedPhotos
    command: str | None

    def run(self, cell: Cell, model: Adapter) -> RunSummary | SurveySummary:
        options = replace(cell.technique.options, out=str(cell.folder))
        if isinstance(options, MakeOptions) and options.animate:  # one for each cell, in its folder
            options = replace(options, animate=str(cell.folder / options.animate))
        with self.watch(cell) as listener:
            technique = cell.technique.technique
            images = () if technique.info.makes == "alone" else cell.source.images
            return run(technique, model, images, options, listener, self.command, self.photos.read)


def _of_one_model(cells: Sequence[Cell], means: _Means) -> Iterator[Outcome]:
    """The outcomes of one model's cells. The model is let go before the next one is loaded."""
    try:
        model = means.load(cells[0].model.spec, cells[0].model.options)
    except Exception as problem:
        yield from (_failed(cell, problem) for cell in cells)
        return
    for cell in cells:
        try:
            summary = means.run(cell, model)
        except Exception as problem:
            yield _failed(cell, problem)
        else:
            yield Outcome(cell, summary, code=summary.exit_code)


def _failed(cell: Cell, problem: Exception) -> Outcome:
    """A cell without a run. What viz does not expect is kept with its trace, and ends in exit code 70."""
    if isinstance(problem, VizError):
        return Outcome(cell, None, problem.problem, problem.next_step, ExitCode.MODEL)
    trace = "".join(traceback.format_exception(problem))
    said = f"internal error: {type(problem).__name__}: {problem}"
    return Outcome(cell, None, said, "this is a bug: batch.json has the trace to report", ExitCode.INTERNAL, trace)


def _write(plan: Plan, outcomes: Sequence[Outcome], planned: int, means: _Means) -> None:
    record = {
        "schema": SCHEMA,
        "title": plan.title,
        "plan": str(plan.path),
        "command": means.command,
        "complete": len(outcomes) == planned,
        "photos": {"decoded": means.photos.decoded, "reused": means.photos.reused},
        "runs": [outcome.as_dict() for outcome in outcomes],
    }
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    plan.out.mkdir(parents=True, exist_ok=True)
    _replace(plan.out / "batch.json", text)


def _replace(path: Path, text: str) -> None:
    """Write a whole file: readers see the old one or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
