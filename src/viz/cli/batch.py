"""`viz batch`: a plan of models, techniques and sources, run one by one, on one page."""

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from viz.cli.batch_tables import print_dry_run, print_outcomes, print_problems
from viz.cli.console import errors
from viz.cli.progress import RunProgress
from viz.cli.technique import load_model

if TYPE_CHECKING:
    from viz.batch import Cell, Outcome, Plan

Format = Literal["table", "json"]
_PANEL = "Results"


def add_to(app: typer.Typer, panel: str) -> None:
    """Add `viz batch` to the command suite."""
    app.command("batch", rich_help_panel=panel)(batch)


def batch(
    plan: Annotated[Path, typer.Argument(metavar="PLAN.toml", help="What to run; `viz config init` writes one.")],
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL/TECHNIQUE",
            show_envvar=False,
            help="Only these runs, and a page of only these; * matches any text.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", show_envvar=False, help="Say what would run and where to, and stop.", rich_help_panel=_PANEL
        ),
    ] = False,
    output_format: Annotated[
        Format, typer.Option("--format", show_envvar=False, help="What goes to stdout.", rich_help_panel=_PANEL)
    ] = "table",
    photo_memory: Annotated[
        int,
        typer.Option(
            min=0, metavar="MB", show_envvar=False, help="Decoded photos kept for the next run, in megabytes."
        ),
    ] = 1000,
) -> int:
    """Run every model and technique of a plan over its images, each into a folder, and show all on one page.

    A run that cannot be done is reported and the others go on. The same command again does only what is
    missing. Paths in the plan are relative to the folder in which the command is run.
    """
    from viz.batch import exit_code, read_plan

    found = read_plan(plan)
    cells = found.cells(only or ())
    if dry_run:
        return print_dry_run(cells, output_format)
    outcomes = run_cells(found, cells, photo_memory)
    record = json.loads((found.out / "batch.json").read_text(encoding="utf-8"))
    if output_format == "json":
        sys.stdout.write(json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    else:
        print_outcomes(outcomes)
    print_problems(outcomes)
    photos = record["photos"]
    errors.print(f"image files decoded: {photos['decoded']}, taken from memory: {photos['reused']}", highlight=False)
    errors.print(f"page: {found.out / 'index.html'}", highlight=False, soft_wrap=True, markup=False)
    return int(exit_code(outcomes))


def run_cells(plan: "Plan", cells: Sequence["Cell"], photo_memory: int = 1000) -> list["Outcome"]:
    """Run the cells; the combined page is written whatever happens, from what there is."""
    from viz.batch import run_plan
    from viz.engine.shared_photos import SharedPhotos
    from viz.report import write_report

    outcomes: list[Outcome] = []
    watch = _Watch(cells)
    command = "viz " + shlex.join(sys.argv[1:])
    photos = SharedPhotos(photo_memory * 1_000_000)
    try:
        for outcome in run_plan(plan, cells, command=command, load=load_model, watch=watch.cell, photos=photos):
            outcomes.append(outcome)
            if outcome.summary is not None:
                write_report(outcome.cell.folder)
        _put_filters_beside_patches(outcomes, command)
    finally:
        if outcomes:
            _write_page(plan, outcomes)
    return outcomes


def _put_filters_beside_patches(outcomes: Sequence["Outcome"], command: str) -> None:
    """Where a plan has both patches and filters of a model, its patches are shown as `viz microscope` shows them."""
    from viz.microscope import draw_filters, links, show_beside
    from viz.models import open_model
    from viz.report import write_microscope
    from viz.report.microscope.survey_folder import EXTRAS, read_survey

    done = [one.cell for one in outcomes if one.summary is not None]
    with_filters = {cell.model for cell in done if cell.technique.technique.info.name == "filters"}
    for cell in done:
        if cell.technique.technique.info.name != "patches" or cell.model not in with_filters:
            continue
        if (cell.folder / EXTRAS).exists():  # from an earlier try
            continue
        model = open_model(cell.model.spec, cell.model.options)
        layers = {one["name"]: one["channels"] for one in read_survey(cell.folder).run["plan"]["layers"]}
        with RunProgress("pictures") as progress:
            pictures = {"filter": draw_filters(model, layers, cell.folder, progress, command)}
        show_beside(cell.folder, links(model, layers), pictures)
        write_microscope(cell.folder)


def _write_page(plan: "Plan", outcomes: Sequence["Outcome"]) -> None:
    from viz.report import CombinedColumn, write_combined

    columns = [
        CombinedColumn(o.cell.model.name, o.cell.technique.name, o.cell.folder, o.cell.source.folder, o.problem)
        for o in outcomes
    ]
    write_combined(plan.out, columns, plan.title)


class _Watch:
    """Says on stderr which run of how many goes on, with its progress."""

    def __init__(self, cells: Sequence["Cell"]):
        self._cells = list(cells)

    @contextmanager
    def cell(self, cell: "Cell") -> Iterator[RunProgress]:
        number = f"{self._cells.index(cell) + 1} of {len(self._cells)}"
        errors.print(f"[bold]{escape(cell.name)}[/] [dim]{number}[/]", highlight=False)
        with RunProgress("pictures" if cell.technique.technique.info.makes else "images") as progress:
            yield progress
