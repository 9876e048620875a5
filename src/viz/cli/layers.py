"""`viz layers`: every tensor of a model that can be shown or explained, with its window and its cost."""

import inspect
import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.table import Table

from viz.cli.arguments import build, command, flag_parameter, flowing, model_parameter
from viz.cli.console import errors, results
from viz.cli.technique import load_model
from viz.core.adapter import Adapter, Layer, ReceptiveField
from viz.core.errors import UnknownName
from viz.core.model_options import ModelOptions

Format = Literal["table", "json", "csv"]
KEYWORD = inspect.Parameter.KEYWORD_ONLY

HELP = """List every layer of a model: name, aliases, operator, shape, receptive field, parameters, MACs.

--layer takes a name, an alias or a glob such as 'conv*'; any of a layer's names can be used in --target.
The receptive field is size/stride/offset in input pixels, one number where both axes agree; "everywhere"
sees the whole image, ? is not known."""


def add_to(app: typer.Typer, panel: str) -> None:
    """Add `viz layers` to the command suite."""
    declared = typer.Argument(metavar="[PATTERN]", help="The same as --layer.", show_default=False)
    positional = inspect.Parameter("pattern", KEYWORD, default=None, annotation=Annotated[str | None, declared])
    pattern = flag_parameter("layer", str | None, None, "Only layers whose name or alias matches this glob.", "Filter")
    leading = [
        positional,
        model_parameter(),
        pattern,
        flag_parameter("op", str | None, None, "Only this operator, as Conv.", "Filter"),
        flag_parameter("format", Format, "table", "What goes to stdout.", "Results").replace(name="output_format"),
    ]
    app.command("layers", rich_help_panel=panel, help=flowing(HELP))(
        command(_layers, [(ModelOptions, "Model")], leading)
    )


def _layers(
    pattern: str | None, model: str, layer: str | None, op: str | None, output_format: Format, **values: Any
) -> int:
    loaded = load_model(model, build(ModelOptions, values))
    found = _filtered(loaded, layer or pattern, op)
    rows = [_row(one) for one in found]
    if output_format == "json":
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    elif output_format == "csv":
        _print_csv(rows)
    else:
        _print_table(found, loaded)
    return 0


def _filtered(model: Adapter, layer: str | None, op: str | None) -> list[Layer]:
    found = list(model.layers.values()) if layer is None else model.matching(layer)
    if not found and layer is not None:
        found = [model.layer(layer)]  # raises with the nearest names
    if op is None:
        return found
    by_op = [one for one in found if one.op.lower() == op.lower()]
    if not by_op:
        raise UnknownName("operator", op, dict.fromkeys(one.op for one in found))
    return by_op


def _row(layer: Layer) -> dict[str, Any]:
    field = layer.receptive_field
    return {
        "name": layer.name,
        "aliases": list(layer.aliases),
        "op": layer.op,
        "shape": None if layer.shape is None else list(layer.shape),
        "receptive_field": None
        if field is None
        else {
            "size": list(field.size),
            "stride": list(field.stride),
            "offset": list(field.offset),
            "everywhere": field.everywhere,
        },
        "parameters": layer.parameters,
        "macs": layer.macs,
    }


def _print_csv(rows: Sequence[dict[str, Any]]) -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(rows[0] if rows else [])
    for row in rows:
        writer.writerow([json.dumps(v) if isinstance(v, list | dict) else v for v in row.values()])


def _print_table(layers: Sequence[Layer], model: Adapter) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("#", "name", "aliases", "op", "shape", "field", "params", "MACs"):
        table.add_column(column, justify="right" if column in ("#", "params", "MACs") else "left", overflow="fold")
    for layer in layers:
        index, *others = layer.aliases or ("",)
        table.add_row(
            index,
            escape(layer.name),
            escape(" ".join(others)),
            layer.op,
            "?" if layer.shape is None else "x".join("b" if s is None else str(s) for s in layer.shape),
            _field(layer.receptive_field),
            _count(layer.parameters),
            "?" if layer.macs is None else _count(layer.macs),
        )
    results.print(table)
    errors.print(_totals(layers), highlight=False)


def _totals(layers: Sequence[Layer]) -> str:
    parameters, macs = sum(one.parameters for one in layers), sum(one.macs or 0 for one in layers)
    unknown = sum(one.macs is None for one in layers)
    not_counted = f" (without {unknown} layers whose cost is not known)" if unknown else ""
    return f"{len(layers)} layers, {_count(parameters)} parameters, {_count(macs)} MACs an image{not_counted}"


def _field(field: ReceptiveField | None) -> str:
    if field is None:
        return "?"
    if field.everywhere:
        return "everywhere"
    return "/".join(_pair(pair) for pair in (field.size, field.stride, field.offset))


def _pair(pair: tuple[float, float]) -> str:
    return f"{pair[0]:g}" if pair[0] == pair[1] else f"{pair[0]:g}x{pair[1]:g}"


def _count(number: float) -> str:
    """1,234,567 as 1.23M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:g}"
