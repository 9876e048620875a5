"""The page of a batch: every image in a row, every model and technique in a column."""

from collections.abc import Sequence
from pathlib import Path

from viz.report.combined import CombinedColumn, Run, columns, read_runs, rows
from viz.report.markup import Markup, join, tag
from viz.report.page_files import fill, page, write_whole
from viz.report.run_facts import images_fact, unfinished
from viz.report.sections import counted, facts, failures, folded, notice, what_was_run

STYLES = ("table.css",)
SCRIPTS = ("choose.js", "toolbar.js", "card.js", "table.js", "combined.js")

__all__ = ["CombinedColumn", "write_combined"]


def write_combined(folder: Path, runs: Sequence[CombinedColumn], title: str) -> Path:
    """Write `index.html` into `folder`, which shows these run folders side by side; returns its path.

    The same results give the same bytes. Raises `UsageError` where a run that has no `problem` cannot
    be read.
    """
    found = read_runs(folder, runs)
    data = {"columns": columns(runs, found), "rows": rows(runs, found)}
    table_facts = facts([("Images", f"{len(data['rows']):,}"), ("Models and techniques", f"{len(data['columns']):,}")])
    body = fill("combined.html", title=title, sections=join(table_facts, _sections(runs, found)))
    return write_whole(folder / "index.html", page(title, body, data, STYLES, SCRIPTS))


def _sections(asked: Sequence[CombinedColumn], runs: Sequence[Run]) -> Markup:
    problems = [(one.title, one.problem) for one in asked if one.problem]
    failed = [(run.asked.title, image["name"], image["reason"]) for run in runs for image in run.found.failed]
    return join(
        failures(f"{counted(len(problems), 'run')} could not be done", ("Run", "Reason"), problems),
        *(unfinished(run.found) for run in runs),
        notice("warning", "Warnings", _said_once(runs, "warnings")),
        notice("note", "Notes", _said_once(runs, "notes")),
        failures(f"{counted(len(failed), 'result')} missing", ("Run", "Image", "Reason"), failed),
        folded("What was run", *(_run_section(run) for run in runs)),
    )


def _run_section(run: Run) -> Markup:
    return folded(run.asked.title, tag("p", images_fact(run.found)), what_was_run(run.found.run))


def _said_once(runs: Sequence[Run], kind: str) -> list[str]:
    """Every warning or note once, with the runs that gave it."""
    by_text: dict[str, list[str]] = {}
    for run in runs:
        for text in run.found.run[kind]:
            by_text.setdefault(text, []).append(run.asked.title)
    return [
        f"{text} ({'all runs' if len(titles) == len(runs) else ', '.join(titles)})" for text, titles in by_text.items()
    ]
