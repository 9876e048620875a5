"""`viz evaluate`: how good are the maps? Techniques x metrics over a folder."""

import inspect
import json
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.table import Table

from viz.cli.arguments import build, command, flag_parameter, flowing, model_parameter, sources_parameter
from viz.cli.console import errors, results
from viz.cli.progress import RunProgress
from viz.cli.technique import load_model
from viz.core.metric import find_metric, metrics
from viz.core.model_options import ModelOptions
from viz.core.technique import explainers, find_explainer
from viz.evaluation.options import EvaluationOptions

if TYPE_CHECKING:
    from viz.evaluation import Evaluation
    from viz.evaluation.intervals import Figure

Format = Literal["table", "json", "csv"]

HELP = """Measure how good the maps of several techniques are, beside baselines that need no model, and print a table.

Means over images with half of their 95 % interval; an arrow says which direction is good. Every technique is held
against a detector of edges, and against the same model with new weights. Images that the model classifies wrongly are
left out. The folder keeps every number: the same command again, or one with further techniques or metrics, computes
only what is missing."""


def add_to(app: typer.Typer, panel: str) -> None:
    """Add `viz evaluate` to the command suite."""
    leading = [
        sources_parameter(),
        model_parameter(),
        flag_parameter(
            "techniques", str, "saliency,grad-cam,occlusion", _listing("Techniques", explainers()), _OWN, "-t"
        ),
        flag_parameter("metrics", str, "all", _listing("Metrics", metrics()), _OWN),
        _set_parameter(),
        flag_parameter("format", Format, "table", "What goes to stdout.", "Results").replace(name="output_format"),
    ]
    app.command("evaluate", rich_help_panel=panel, help=flowing(HELP))(
        command(_evaluate, [(EvaluationOptions, _OWN), (ModelOptions, "Model")], leading)
    )


_OWN = "Evaluate"


def _listing(kind: str, names: Sequence[str] | dict[str, Any]) -> str:
    return f"{kind} with commas between, or all: {', '.join(names)}."


def _set_parameter() -> inspect.Parameter:
    """`--set`, which is no name for a Python value."""
    declared = typer.Option(
        "--set", metavar="NAME.OPTION=VALUE", help="An option of a technique or a metric.", rich_help_panel=_OWN
    )
    return inspect.Parameter(
        "settings", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[list[str] | None, declared]
    )


def _evaluate(
    sources: list[str],
    model: str,
    techniques: str,
    metrics: str,
    settings: list[str] | None,
    output_format: Format,
    **values: Any,
) -> int:
    from viz.engine.loading import listed
    from viz.evaluation import evaluate
    from viz.report import write_evaluation

    options = build(EvaluationOptions, values)
    chosen, measured = _instances(techniques, metrics, settings or [])
    listed(sources, options)  # what can be wrong without a model is said before one is loaded
    loaded = load_model(model, build(ModelOptions, values))
    errors.print(f"[dim]at most {_passes(chosen, measured, loaded.size):,} passes of the model an image[/]")
    said = len(loaded.notes)
    with RunProgress() as progress:
        found = evaluate(chosen, measured, loaded, sources, options, progress, "viz " + shlex.join(sys.argv[1:]))
    page = write_evaluation(found.folder)
    for note in loaded.notes[said:]:
        errors.print(f"[yellow]note[/] {escape(note)}", highlight=False)
    _print(found, output_format)
    _print_doubts(found)
    errors.print(f"page: {page}", highlight=False, soft_wrap=True, markup=False)
    return int(found.exit_code)


def _instances(technique_names: str, metric_names: str, settings: Sequence[str]) -> tuple[list[Any], list[Any]]:
    """The techniques and metrics that were asked for, with their settings."""
    from viz.batch.assignments import assigned

    chosen = {name: find_explainer(name) for name in _names(technique_names, explainers())}
    measured = {name: find_metric(name) for name in _names(metric_names, metrics())}
    given = assigned(settings, {**chosen, **measured}, "technique or metric of this evaluation")
    return [one(**given.get(name, {})) for name, one in chosen.items()], [
        one(**given.get(name, {})) for name, one in measured.items()
    ]


def _passes(techniques: Sequence[Any], metrics: Sequence[Any], size: tuple[int, int]) -> int:
    """Passes per image, those for the baselines included; numbers that are there already need none."""
    from viz.evaluation.baselines import baselines

    per_map = [technique.passes(size) for technique in [*techniques, *baselines(0)]]
    return sum(count + sum(metric.passes(count) for metric in metrics) for count in per_map)


def _names(text: str, every: dict[str, Any]) -> list[str]:
    names = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    return list(every) if names == ["all"] else names


def _print(found: "Evaluation", output_format: Format) -> None:
    if output_format == "json":
        sys.stdout.write(json.dumps(found.record, indent=2, ensure_ascii=False) + "\n")
    elif output_format == "csv":
        sys.stdout.write((found.folder / "evaluation.csv").read_text(encoding="utf-8"))
    else:
        results.print(_table(found))


def _table(found: "Evaluation") -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("technique", no_wrap=True)
    for metric in found.metrics:
        arrow = "↑" if metric.info.higher_is_better else "↓"
        table.add_column(f"{metric.info.name} {arrow}", justify="right", overflow="fold")
    for technique in found.techniques:
        name = technique.info.name
        style = "dim" if technique.info.family == "baseline" else ""
        cells = [_cell(found.figures.get((name, metric.info.name))) for metric in found.metrics]
        table.add_row(escape(name), *cells, style=style)
    return table


def _cell(figure: "Figure | None") -> str:
    return "-" if figure is None else f"{figure.mean:.3f}±{(figure.high - figure.low) / 2:.3f}"


def _print_doubts(found: "Evaluation") -> None:
    regions = f", {found.with_region} of them with a known region"
    wrong = sum(one.status == "wrong" for one in found.left_out)
    left = f"; {wrong} left out that the model is wrong about" if wrong else ""
    errors.print(f"[green]✓[/] {found.used} image(s) explained{regions}{left}", highlight=False)
    for doubt in found.doubts:
        errors.print(f"[yellow]doubt[/] {escape(doubt.text)}", highlight=False)
    for problem in found.problems:
        errors.print(f"[yellow]missing[/] {escape(problem)}", highlight=False)
    for one in found.failed[:20]:
        errors.print(f"[red]failed[/] {escape(one.name)}: {escape(one.reason)}", highlight=False)
    if len(found.failed) > 20:
        errors.print(f"[red]failed[/] and {len(found.failed) - 20} more: see evaluation.json")
