"""`viz merge`: the run folders of shards joined into one."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from viz.cli.arguments import flowing
from viz.cli.console import errors

if TYPE_CHECKING:
    from viz.merging import MergeSummary

HELP = """Join the run folders of shards into what one run without --shard leaves.

The folders have to be of one command that differs in --shard and --out alone. Every file is the same to the last
byte as in a single run, but for the record of how it went. Files are linked, not copied, where the file system can do
that."""


def add_to(app: typer.Typer, panel: str) -> None:
    """Add `viz merge` to the command suite."""
    app.command("merge", rich_help_panel=panel, help=flowing(HELP))(_merge)


def _merge(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Folders of runs with --shard.", metavar="RUN...", show_default=False, show_envvar=False),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Folder for the whole.", metavar="DIR", show_default=False, show_envvar=False),
    ],
    partial: Annotated[
        bool,
        typer.Option(
            "--partial", help="Join what there is, where shards are missing or were stopped.", show_envvar=False
        ),
    ] = False,
) -> int:
    from viz.cli.progress import RunProgress
    from viz.merging import merge
    from viz.report import write_report

    with RunProgress("images") as progress:
        summary = merge(runs, out, partial, "viz " + shlex.join(sys.argv[1:]), progress)
    page = write_report(summary.folder)
    _print(summary)
    errors.print(f"page: {page}", highlight=False, soft_wrap=True, markup=False)
    return int(summary.exit_code)


def _print(summary: "MergeSummary") -> None:
    images = summary.run["images"]
    shards = summary.count - len(summary.missing)
    errors.print(
        f"[green]✓[/] {images['done']} of {images['found']} image(s) of {shards} shard(s), {images['failed']} failed",
        highlight=False,
    )
    for what, which in (("missing", summary.missing), ("not come to its end", summary.unfinished)):
        for number in which:
            errors.print(f"[yellow]{what}[/] shard {number}/{summary.count}", highlight=False)
