"""How one run of a batch ended."""

from dataclasses import dataclass
from typing import Any

from viz.batch.plan import Cell
from viz.core.errors import ExitCode
from viz.runs import RunSummary, SurveySummary


@dataclass(frozen=True)
class Outcome:
    """A cell with what came of it: a run's summary, or a problem, what to do about it and its exit code.

    `trace` is where a problem came from that is a bug: no error of usage, model or images.
    """

    cell: Cell
    summary: RunSummary | SurveySummary | None = None
    problem: str = ""
    next_step: str = ""
    code: ExitCode = ExitCode.DONE
    trace: str = ""

    @property
    def status(self) -> str:
        """`done`, `some images failed`, or `failed`."""
        if self.summary is None:
            return "failed"
        return "some images failed" if self.summary.failed else "done"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for batch.json."""
        cell, summary = self.cell, self.summary
        names = {"model": cell.model.name, "technique": cell.technique.name, "source": cell.source.name}
        said = {"status": self.status, "folder": str(cell.folder), "problem": self.problem, "next_step": self.next_step}
        if summary is None:
            return {**names, **said, "trace": self.trace}
        failed = len(summary.failed)
        images = {"done": summary.done, "failed": failed, "reused": summary.reused}
        work = {"forward_passes": summary.forwards, "seconds": round(summary.seconds, 3)}
        return {**names, **said, "images": images, **work}


def exit_code(outcomes: list[Outcome]) -> ExitCode:
    """The worst of all: a bug, then a run that could not be done, then images that could not be used."""
    codes = {outcome.code for outcome in outcomes}
    order = (ExitCode.INTERNAL, ExitCode.MODEL, ExitCode.SOME_IMAGES_FAILED)
    return next((code for code in order if code in codes), ExitCode.DONE)
