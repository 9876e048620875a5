"""`viz zoo`: the models that `--model zoo:NAME` knows, and pictures for the built-in one."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from viz.cli.console import errors

if TYPE_CHECKING:
    from viz.model_zoo.catalogue import ZooEntry

app = typer.Typer(
    name="zoo",
    help="Models by name: list them, download them, and make pictures for the built-in one.",
    no_args_is_help=True,
)


class Format(StrEnum):
    """How a listing is printed."""

    TABLE = "table"
    JSON = "json"


Name = Annotated[str, typer.Argument(metavar="NAME", help="A model's name, as `viz zoo list` prints it.")]
FormatOption = Annotated[
    Format, typer.Option("--format", show_envvar=False, help="table for people, json for programs.")
]
WIDTH_OF_A_PIPE = 160  # columns of a table where no terminal says how many there are


@app.command("list")
def list_models(
    left_out: Annotated[
        bool, typer.Option("--left-out", show_envvar=False, help="Well-known models that are not in the zoo, and why.")
    ] = False,
    style: FormatOption = Format.TABLE,
) -> None:
    """List every model of the zoo: what it is, how large, on which terms, and whether it is on this machine."""
    from viz.model_zoo import catalogue

    if left_out:
        _print_rows([{"name": name, "reason": reason} for name, reason in catalogue.left_out().items()], style)
        return
    _print_rows([_summary(entry, style) for entry in catalogue.entries().values()], style)


@app.command()
def show(name: Name, style: FormatOption = Format.TABLE) -> None:
    """Show all that is known about one model."""
    from viz.model_zoo import catalogue

    entry = catalogue.find(name)
    facts = {**entry.as_dict(), "path": str(_expected_path(entry)), "state": _state(entry)}
    if style is Format.JSON:
        typer.echo(json.dumps(facts, indent=2))
        return
    for key, value in facts.items():
        if value not in (None, "", ()):
            typer.echo(f"{key:<10}  {_in_words(value)}")


@app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Models to have on this machine.")],
    offline: Annotated[
        bool, typer.Option("--offline", show_envvar=False, help="Download nothing; VIZ_OFFLINE=1 does the same.")
    ] = False,
    stall: Annotated[
        float,
        typer.Option(
            "--stall-timeout",
            min=0.1,
            show_envvar=False,
            help="Seconds without a byte before a connection is given up.",
        ),
    ] = 30.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", show_envvar=False, help="No progress on stderr.")] = False,
) -> None:
    """Download models into the cache, check them, and print where they are."""
    from viz.model_zoo.download import Patience
    from viz.model_zoo.fetch import path_of

    for name in names:
        typer.echo(path_of(name, offline or None, quiet, Patience(stall=stall)))


@app.command()
def path(name: Name) -> None:
    """Print where a model's file is, having checked it; downloads nothing."""
    from viz.model_zoo.fetch import path_of

    typer.echo(path_of(name, offline=True))


@app.command()
def samples(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write; made if it is not there.")],
    count: Annotated[int, typer.Option(min=1, show_envvar=False, help="How many pictures; labels take turns.")] = 20,
    seed: Annotated[int, typer.Option(min=0, show_envvar=False, help="The same seed gives the same pictures.")] = 0,
) -> None:
    """Write pictures of ten shapes with their labels and true masks: images/, masks/, labels.json."""
    from viz.model_zoo.shape_pictures import write_samples

    written = write_samples(folder, count, seed)
    typer.echo(f"{len(written)} pictures in {folder / 'images'}, masks in {folder / 'masks'}")
    errors.print(f"next: viz occlusion --model zoo:shapes {folder / 'images'}", highlight=False, markup=False)


def _summary(entry: "ZooEntry", style: Format) -> dict[str, Any]:
    from viz.model_zoo.progress import megabytes

    size = entry.size or _expected_path(entry).stat().st_size
    shown = size if style is Format.JSON else megabytes(size)
    return {
        "name": entry.name, "kind": entry.kind, "size": shown, "licence": entry.licence,
        "state": _state(entry), "source": entry.source,
    }  # fmt: skip


def _expected_path(entry: "ZooEntry") -> Path:
    from viz.model_zoo.cache import place_of
    from viz.model_zoo.fetch import path_of

    return path_of(entry.name) if entry.built_in else place_of(entry)


def _state(entry: "ZooEntry") -> str:
    """Whether a model can be used at once; a cached file's checksum is looked at when it is used."""
    if entry.built_in:
        return "built in"
    file = _expected_path(entry)
    return "cached" if file.exists() and file.stat().st_size == entry.size else "to download"


def _print_rows(rows: list[dict[str, Any]], style: Format) -> None:
    if style is Format.JSON:
        typer.echo(json.dumps(rows, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = WIDTH_OF_A_PIPE
    table = Table(*rows[0], box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    console.print(table)


def _in_words(value: Any) -> str:
    """A fact on one line: `size 224/224, crop center`, `circle, square`."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_in_words(item)}" for key, item in value.items())
    if isinstance(value, list):
        return "/".join(map(str, value))
    return ", ".join(value) if isinstance(value, tuple) else str(value)
