"""`viz verify`: the certificate of a model's gradients."""

import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.table import Table

from viz.cli.arguments import build, command, flag_parameter, flowing, model_parameter
from viz.cli.console import errors, results
from viz.cli.technique import load_model
from viz.core.adapter import FORWARD_ONLY
from viz.core.errors import ExitCode
from viz.core.gradient_check import TOLERANCE
from viz.core.gradients import summed_up
from viz.core.model_options import ModelOptions

if TYPE_CHECKING:
    from viz.core.images import Photo
    from viz.verification import Certificate

Format = Literal["table", "json"]
Row = tuple[str, str, str, str]

HELP = """Certify a model's gradients: values against its runtime layer by layer, gradients against differences.

For an ONNX file, every tensor of the gradient executor is compared with onnxruntime's, and gradients of the top
class and of an inner channel with central differences of onnxruntime's own outputs along random directions, and
in float64 with those of the executor. A network with QuantizeLinear inside is compared operation by operation, and
its straight-through gradients in float64 without the roundings. Without an IMAGE, a generated picture is used. Exit
code 1 where a check fails, or where the model has no gradient."""


def add_to(app: typer.Typer, panel: str) -> None:
    """Add `viz verify` to the command suite."""
    declared = typer.Argument(metavar="[IMAGE]", help="The photo to check on.", show_default=False)
    keyword = inspect.Parameter.KEYWORD_ONLY
    leading = [
        inspect.Parameter("image", keyword, default=None, annotation=Annotated[Path | None, declared]),
        model_parameter(),
        flag_parameter("directions", int, 4, "Random directions for each gradient.", "Verify"),
        flag_parameter("seed", int, 0, "Seed of the directions.", "Verify"),
        flag_parameter("format", Format, "table", "What goes to stdout.", "Results").replace(name="output_format"),
    ]
    app.command("verify", rich_help_panel=panel, help=flowing(HELP))(
        command(_verify, [(ModelOptions, "Model")], leading)
    )


def _verify(image: Path | None, model: str, directions: int, seed: int, output_format: Format, **values: Any) -> int:
    from viz.core.batching import BatchedAdapter
    from viz.core.images import fit
    from viz.verification import certify

    photo = _photo(image)  # what can be wrong without a model is said before one is loaded
    loaded = BatchedAdapter(load_model(model, build(ModelOptions, values)))
    said = len(loaded.notes)
    found = certify(loaded, fit(photo, loaded.preprocess).pixels, max(1, directions), seed)
    for note in loaded.notes[said:]:
        errors.print(f"[yellow]note[/] {escape(note)}", highlight=False)
    if output_format == "json":
        sys.stdout.write(json.dumps(found.as_dict(), indent=2) + "\n")
    else:
        _print(found)
    return int(ExitCode.DONE if found.holds else ExitCode.THRESHOLD)


def _photo(image: Path | None) -> "Photo":
    """The user's picture, or a generated one. Raises where it cannot be read."""
    from viz.core.images import Photo, read
    from viz.core.run_options import ImageOptions
    from viz.engine.loading import listed
    from viz.model_zoo.shape_pictures import draw

    if image is None:
        return Photo(draw(0).pixels, sha256="")
    return read(listed([image], ImageOptions()).files[0].path)


def _print(found: "Certificate") -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("check", "figure", "allowed", "outcome"):
        table.add_column(column, overflow="fold")
    for row in (*_forward_rows(found), *_gradient_rows(found)):
        table.add_row(*row)
    results.print(table)
    _print_operators(found)
    _print_doubts(found)


def _forward_rows(found: "Certificate") -> Iterator[Row]:
    worst, first = found.worst_layer, found.first_wrong_layer
    if worst is None:
        return
    how = ", each operation by itself" * (found.compared == "each operation by itself")
    figure = f"{worst.difference:.2g} of its range at {worst.name} ({worst.op})"
    allowed = f"{found.forward_tolerance:g}"
    yield f"forward, {len(found.layers)} layers{how}", escape(figure), allowed, _mark(first is None)
    if first is not None:
        yield "first layer that differs", escape(f"{first.name} ({first.op}): {first.difference:.2g}"), allowed, ""


def _gradient_rows(found: "Certificate") -> Iterator[Row]:
    for check in found.gradients:
        known = f", differences known to {check.uncertainty:.1g}" if check.uncertainty else ""
        figure = f"relative error {check.error:.2g}{known}"
        yield escape(f"gradient of {check.target} against {check.by}"), figure, f"{TOLERANCE:g}", _mark(check.holds())


def _print_operators(found: "Certificate") -> None:
    lower = {n: tiers for n, tiers in found.operators.items() if set(tiers) - {"torch function", "control flow"}}
    if found.operators:
        count, but = sum(sum(tiers.values()) for tiers in found.operators.values()), " but:" if lower else ""
        results.print(f"{len(found.operators)} operators in {count} nodes; all torch functions{but}")
    for name, tiers in lower.items():
        results.print(f"  {name}: " + ", ".join(f"{n} by {tier}" for tier, n in tiers.items()), highlight=False)


def _print_doubts(found: "Certificate") -> None:
    if found.straight_through:
        text = f"gradients pass straight through: {summed_up(found.straight_through)}"
        errors.print(f"[yellow]note[/] {escape(text)}", highlight=False)
    for problem in found.problems:
        errors.print(f"[red]no gradient[/] {escape(problem)}", highlight=False)
    if found.problems:
        errors.print(escape(FORWARD_ONLY), highlight=False)
    verdict = "[green]✓[/] the certificate holds" if found.holds else "[red]✗[/] the certificate does not hold"
    errors.print(verdict, highlight=False)


def _mark(right: bool) -> str:
    return "[green]holds[/]" if right else "[red]fails[/]"
