"""What `viz batch` prints: a row for each run, and what to do where one could not be done."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from viz.cli.console import errors, results
from viz.core.run_options import LookOptions

if TYPE_CHECKING:
    from viz.batch import Cell, Outcome


def print_outcomes(outcomes: Sequence["Outcome"]) -> None:
    """A row for each run, on stdout."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("run", "done", "failed", "from before", "passes", "seconds", "outcome"):
        number = column not in ("run", "outcome")
        table.add_column(column, justify="right" if number else "left", overflow="fold", no_wrap=number)
    for outcome in outcomes:
        table.add_row(escape(outcome.cell.name), *_figures(outcome.as_dict()), _in_colour(outcome))
    results.print(table)


def _figures(record: dict[str, Any]) -> list[str]:
    images = record.get("images")
    if images is None:
        return ["–"] * 5
    counts = [str(images["done"]), str(images["failed"]), str(images["reused"])]
    return [*counts, f"{record['forward_passes']:,}", f"{record['seconds']:.1f}"]


def _in_colour(outcome: "Outcome") -> str:
    colour = {"done": "green", "failed": "red"}.get(outcome.status, "yellow")
    said = f"{outcome.status}: {outcome.problem}" if outcome.problem else outcome.status
    return f"[{colour}]{escape(said)}[/]"


def print_problems(outcomes: Sequence["Outcome"]) -> None:
    """What to do about runs that could not be done, on stderr; which images failed stands on the page."""
    by_problem: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.problem:
            by_problem.setdefault((outcome.problem, outcome.next_step), []).append(outcome)
    for (problem, next_step), alike in by_problem.items():
        more = f" and {len(alike) - 1} more" if len(alike) > 1 else ""
        errors.print(f"[red]failed[/] {escape(alike[0].cell.name)}{more}: {escape(problem)}", highlight=False)
        if next_step:
            errors.print(f"[dim]→[/] {escape(next_step)}", highlight=False)
        if alike[0].trace:
            errors.print(alike[0].trace, highlight=False, markup=False)


def print_dry_run(cells: Sequence["Cell"], output_format: str) -> int:
    """Every run with its images and its folder; no model is loaded and nothing is written."""
    rows = [
        {
            "run": cell.name,
            "images": _images(cell),
            "state": _state(cell.folder),
            "folder": str(cell.folder),
        }
        for cell in cells
    ]
    if output_format == "json":
        sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        return 0
    table = Table(*rows[0], box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(escape(str(value)) for value in row.values()))
    results.print(table)
    return 0


def _images(cell: "Cell") -> int:
    from viz.engine.loading import listed

    options = cell.technique.options
    if isinstance(options, LookOptions) or not cell.source.images:  # of the model alone, or of nothing
        return 0
    return len(listed(cell.source.images, options, cell.technique.technique.info.images_per_call).files)


def _state(folder: Path) -> str:
    """What an earlier run left: `new`, `begun` or `complete`."""
    try:
        complete = json.loads((folder / "run.json").read_text(encoding="utf-8"))["complete"]
    except FileNotFoundError:
        return "new"
    except (OSError, ValueError, KeyError):
        return "begun"
    return "complete" if complete else "begun"
