"""`viz config`: plans written and checked; and `viz --config FILE`, defaults for every command."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from viz.cli.console import errors
from viz.core.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from viz.batch.document import Document

app = typer.Typer(
    name="config",
    help="Write and check the TOML files that viz reads: plans for `viz batch`, defaults for `viz --config`.",
    no_args_is_help=True,
)


@app.command()
def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write; - for stdout.")] = Path("viz-plan.toml"),
    force: Annotated[bool, typer.Option("--force", show_envvar=False, help="Replace a file that is there.")] = False,
) -> None:
    """Write a plan for `viz batch` that runs as it is, with every option there is as a comment."""
    from viz.batch.template import plan_template

    if str(file) == "-":
        sys.stdout.write(plan_template("plan.toml"))
        return
    if file.exists() and not force:
        raise UsageError(f"{str(file)!r} is there already", "give another name, or --force to replace it")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(plan_template(file.name), encoding="utf-8")
    errors.print(f"next: viz zoo samples samples, then viz batch {file}", highlight=False, markup=False)
    typer.echo(file)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A plan, or a file of defaults; which is seen from it.")],
) -> int:
    """Say what is wrong with a plan or a file of defaults: every problem, with its line and what to do."""
    from viz.batch.document import Document, InvalidFile, where

    try:
        typer.echo(_checked(Document(file)))
    except InvalidFile as invalid:
        for problem in invalid.problems:
            typer.echo(f"{where(file, problem)}: {problem.text}")
            if problem.next_step:
                typer.echo(f"    → {problem.next_step}")
        count = len(invalid.problems)
        errors.print(f"[red]{count} problem{'s' if count > 1 else ''}[/] in {file}", highlight=False)
        return int(ExitCode.USAGE)
    return int(ExitCode.DONE)


def defaults(path: Path) -> dict[str, dict[str, Any]]:
    """The defaults in a TOML file, for Typer's `default_map`: one table per command, keys as its flags.

    Raises `InvalidFile` with every problem and its line, `UsageError` where the file cannot be read.
    """
    from viz.batch.document import Document

    return _defaults_in(Document(path))


def _defaults_in(document: "Document") -> dict[str, dict[str, Any]]:
    from viz.cli.app import app as whole
    from viz.cli.command_defaults import default_map

    return default_map(document, whole)


def _checked(document: "Document") -> str:
    """One line on what the file holds; raises `InvalidFile`."""
    from viz.batch.on_disk import check_plan
    from viz.batch.reading import PLAN_KEYS

    values = document.values
    is_plan = not values or any(key in PLAN_KEYS or _are_tables(value) for key, value in values.items())
    if not is_plan:
        found = _defaults_in(document)
        return f"{document.path} is right: defaults for {', '.join(found)}"
    plan, images = check_plan(document)
    models, techniques = len(plan.models), len(plan.techniques)
    return (
        f"{document.path} is right: {models} model(s) x {techniques} technique(s) over {images} image(s), "
        f"{len(plan.cells())} run(s) into {plan.out}"
    )


def _are_tables(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(part, dict) for part in value)
