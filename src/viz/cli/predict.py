"""`viz predict`: what the model says about images; how a user sees that the preprocessing is right."""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import typer
from rich.markup import escape
from rich.table import Table

from viz.cli.arguments import build, command, flag_parameter, flowing, model_parameter, sources_parameter
from viz.cli.console import errors, results
from viz.cli.progress import RunProgress
from viz.cli.technique import load_model
from viz.core.errors import ExitCode, UsageError
from viz.core.model_options import ModelOptions
from viz.core.run_options import ImageOptions

Format = Literal["table", "json", "jsonl", "csv"]
Records = list[dict[str, Any]]

HELP = """Print the classes that the model ranks highest for each image.

Right names here mean that the preprocessing is right. Where true classes are known (a labels.json beside
the images), the share of hits is printed at the end."""


def add_to(app: typer.Typer, panel: str) -> None:
    """Add `viz predict` to the command suite."""
    leading = [
        sources_parameter(),
        model_parameter(),
        flag_parameter("top", int, 5, "How many classes to give.", "Results", "-k"),
        flag_parameter("format", Format, "table", "What goes to stdout.", "Results").replace(name="output_format"),
    ]
    groups: list[tuple[type, str]] = [(ImageOptions, "Images"), (ModelOptions, "Model")]
    app.command("predict", rich_help_panel=panel, help=flowing(HELP))(command(_predict, groups, leading))


def _predict(model: str, sources: list[str], top: int, output_format: Format, **values: Any) -> int:
    from viz.engine.loading import listed
    from viz.engine.predicting import predict

    if top < 1:
        raise UsageError(f"--top is {top}", "give 1 or more")
    options = build(ImageOptions, values)
    listing = listed(sources, options)
    loaded = load_model(model, build(ModelOptions, values))
    with RunProgress() as progress:
        progress.started(len(listing.files))
        found = predict(loaded, listing, options, top, lambda record: progress.image(record, True))
        records = list(_streamed(found) if output_format == "jsonl" else found)
    _print(records, output_format)
    return _closing_words(records)


def _streamed(records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """JSON lines leave as they come, so that a long run can be piped."""
    for record in records:
        sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
        sys.stdout.flush()
        yield record


def _print(records: Records, output_format: Format) -> None:
    if output_format == "json":
        sys.stdout.write(json.dumps(records, indent=2, ensure_ascii=False) + "\n")
    elif output_format == "csv":
        _print_csv(records)
    elif output_format == "table":
        _print_table(records)


def _print_csv(records: Records) -> None:
    columns = ["name", "status", "reason", "truth", "rank", "class_index", "label", "probability"]
    writer = csv.DictWriter(sys.stdout, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for record in records:
        for prediction in record.get("predictions") or [{}]:
            writer.writerow(record | prediction | {"rank": prediction.get("rank", "")} | prediction)


def _print_table(records: Records) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    truths = any(record.get("truth") for record in records)
    for column in ("image", *(["truth"] if truths else []), "predictions"):
        table.add_column(column, overflow="fold")
    for record in records:
        if record["status"] == "done":
            truth = [escape(record["truth"] or "")] if truths else []
            table.add_row(escape(record["name"]), *truth, _predictions(record))
    results.print(table)


def _predictions(record: dict[str, Any]) -> str:
    parts = []
    for place, prediction in enumerate(record["predictions"], 1):
        text = f"{escape(prediction['label'])} {prediction['probability']:.1%}"
        parts.append(f"[green]{text}[/]" if place == record.get("rank") else text)
    return "[dim] · [/]".join(parts)


def _closing_words(records: Records) -> int:
    """Hits where true classes are known, then the images that failed, on stderr; the exit code."""
    ranked = [record["rank"] for record in records if record.get("rank")]
    unknown = sum("rank" in record and record["rank"] is None for record in records)
    if ranked:
        first = sum(rank == 1 for rank in ranked)
        five = sum(rank <= 5 for rank in ranked)
        errors.print(f"top-1 {first}/{len(ranked)}, top-5 {five}/{len(ranked)}", highlight=False)
    if unknown:
        errors.print(f"[yellow]note[/] {unknown} image(s) have a true class that this model does not name")
    failed = [record for record in records if record["status"] == "failed"]
    for record in failed:
        errors.print(f"[red]failed[/] {escape(record['name'])}: {escape(record['reason'])}", highlight=False)
    return int(ExitCode.SOME_IMAGES_FAILED if failed else ExitCode.DONE)
