"""One command per technique: `viz occlusion --model M SOURCE…`."""

import inspect
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import typer
from rich.markup import escape

from viz.cli.arguments import (
    build,
    command,
    flag_parameter,
    flowing,
    model_parameter,
    optional_sources_parameter,
    sources_parameter,
)
from viz.cli.console import errors
from viz.cli.progress import RunProgress
from viz.cli.tables import print_records
from viz.cli.target import context_parameter, has_neuron_flags, target_of
from viz.cli.top import FAMILIES
from viz.core.errors import UsageError
from viz.core.model_options import ModelOptions
from viz.core.neuron_options import NeuronOptions
from viz.core.run_options import AnyOptions, LookOptions, MakeOptions, SurveyOptions
from viz.core.technique import Makes, options_type, techniques

Format = Literal["table", "json", "jsonl", "csv"]


def add_techniques(app: typer.Typer) -> None:
    """Add a command for every registered technique."""
    for name, technique in techniques().items():
        panel = FAMILIES.get(technique.info.family, technique.info.family)
        app.command(name, help=_help(technique), rich_help_panel=panel)(_command(technique))


def _help(technique: Any) -> str:
    return flowing(f"{inspect.cleandoc(technique.__doc__ or '')}\n\nSource: {technique.info.source}.")


def _command(technique: Any) -> Any:
    info = technique.info
    options_class = options_type(info.makes, info.surveys)
    with_neuron = info.explains and has_neuron_flags(technique)

    def body(
        context: typer.Context,
        model: str,
        output_format: Format,
        dry_run: bool,
        sources: list[str] | None = None,
        **values: Any,
    ) -> int:
        instance = build(technique, values)
        if with_neuron:
            values["target"] = target_of(context, values)
        options: Any = build(options_class, values)
        given = sources or []
        _check_early(technique, given, options)
        loaded = load_model(model, build(ModelOptions, values))
        if dry_run:
            from viz.cli.dry_run import print_dry_run

            return print_dry_run(instance, loaded, given, options, output_format)
        return _run(instance, loaded, given, options, output_format)

    formatted = flag_parameter("format", Format, "table", "What goes to stdout.", "Results")
    leading = [
        context_parameter(),
        *_sources_parameters(info.makes),
        model_parameter(),
        formatted.replace(name="output_format"),
        flag_parameter("dry_run", bool, False, "Say what would run, how long and where to, and stop.", "Results"),
    ]
    neuron: list[tuple[type, str]] = [(NeuronOptions, "Neuron, as --target LAYER:CHANNEL@Y,X")] if with_neuron else []
    own = (technique, technique.info.name.capitalize())
    groups = [own, *neuron, (options_class, "Results"), (ModelOptions, "Model")]
    return command(body, groups, leading)


def _sources_parameters(makes: Makes) -> list[inspect.Parameter]:
    if makes == "alone":
        return []
    return [optional_sources_parameter() if makes == "optional" else sources_parameter()]


def _check_early(technique: Any, sources: Sequence[str], options: AnyOptions) -> None:
    """What can be wrong without a model is said before one is loaded."""
    from viz.creating import check_make_options, given_photos
    from viz.engine.loading import listed
    from viz.surveying import check_survey_options

    if isinstance(options, LookOptions):
        return
    if isinstance(options, MakeOptions):
        check_make_options(technique, options)
        given_photos(technique, sources)
        return
    listed(sources, options)
    options.check_engine()
    _ = options.batch, options.background_colour
    if isinstance(options, SurveyOptions):
        check_survey_options(technique, options)


def load_model(model: str, options: ModelOptions) -> Any:
    """The adapter, with what it says about itself printed to stderr."""
    from viz.models import open_model

    adapter = open_model(model, options)
    errors.print(f"[dim]model[/] {adapter.source.name} on {adapter.source.device}, {adapter.source.runtime}")
    origins = ", ".join(dict.fromkeys(adapter.preprocess.origin.values()))
    errors.print(f"[dim]input[/] {adapter.preprocess.describe()} [dim](from: {origins})[/]", highlight=False)
    for warning in adapter.warnings:
        errors.print(f"[yellow]warning[/] {escape(warning)}", highlight=False)
    for note in adapter.notes:
        errors.print(f"[yellow]note[/] {escape(note)}", highlight=False)
    return adapter


def _run(instance: Any, model: Any, sources: Sequence[str], options: AnyOptions, output_format: Format) -> int:
    from viz.report import write_report
    from viz.runs import run, run_path

    said = list(model.notes)
    folder = run_path(instance, model, sources, options)
    try:
        with RunProgress("pictures" if instance.info.makes else "images") as progress:
            summary = run(instance, model, sources, options, progress, "viz " + shlex.join(sys.argv[1:]))
    except UsageError:
        raise  # nothing was run; the folder may be another run's
    except BaseException:
        _report_what_is_there(folder)
        raise
    page = write_report(summary.folder)
    for note in (note for note in summary.notes if note not in said):
        errors.print(f"[yellow]note[/] {escape(note)}", highlight=False)
    print_records(summary.records, output_format)
    _print_outcome(summary, page, model)
    return int(summary.exit_code)


def _report_what_is_there(folder: Path) -> None:
    """A page of what was finished before an error or Ctrl-C; the error itself goes on."""
    from viz.report import write_report

    if (folder / "run.json").exists() and (folder / "results.jsonl").exists():
        page = write_report(folder)
        errors.print(f"stopped early; what was finished is in {page}", highlight=False)


def _print_outcome(summary: Any, page: Path, model: Any) -> None:
    from viz.engine.patch_evidence import windows_in_words

    run = json.loads((summary.folder / "run.json").read_text(encoding="utf-8"))
    done = run["images"]["done"]
    mark = "[green]✓[/]" if done else "[red]✗[/]"
    parts = [f"{done} image(s) {'made' if 'pictures' in run else 'done'}"]
    if layers := run.get("layers"):
        parts.append(f"{sum(layer['units'] for layer in layers)} units of {len(layers)} layer(s)")
    parts += [f"score: {run['score']}"] * bool(run["score"])
    if summary.reused:
        parts.append(f"{summary.reused} of them from before")
    if summary.forwards and summary.seconds > 0:
        parts.append(f"{summary.forwards / summary.seconds:.3g} forward passes/s")
    errors.print(f"{mark} " + ", ".join(parts), highlight=False)
    for line in windows_in_words(run):
        errors.print(f"incremental occlusion: {line}", highlight=False, soft_wrap=True)
    for warning in run["warnings"]:
        if warning not in model.warnings:  # those were said before the run
            errors.print(f"[yellow]warning[/] {escape(warning)}", highlight=False)
    for record in summary.failed[:20]:
        errors.print(f"[red]failed[/] {escape(record['name'])}: {escape(record['reason'])}", highlight=False)
    if len(summary.failed) > 20:
        errors.print(f"[red]failed[/] and {len(summary.failed) - 20} more: see results.jsonl")
    if summary.skipped:
        errors.print(f"[dim]{len(summary.skipped)} other file(s) passed over: not images by their suffix[/]")
    for name, file in run.get("pictures", {}).items():
        errors.print(f"{name}: {summary.folder / file}", highlight=False, soft_wrap=True, markup=False)
    errors.print(f"page: {page}", highlight=False, soft_wrap=True)
