"""`viz microscope`: patches, filters, made images and links between channels, on one site."""

import inspect
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from viz.cli.arguments import build, command, flag_parameter, flowing, model_parameter, optional_sources_parameter
from viz.cli.console import errors
from viz.cli.progress import RunProgress
from viz.cli.target import context_parameter, was_given
from viz.cli.technique import load_model
from viz.core.errors import NoImages, UsageError
from viz.core.model_options import ModelOptions
from viz.core.options import options_of
from viz.core.run_options import SurveyOptions
from viz.core.technique import find

HELP = """Put all that is known of a network's neurons on one site: patches, filters, images made for them, links.

Runs `viz patches` over the photos, by default for every layer with positions on the image that weights make or read,
and says how large the site will be before it is written. Beside its patches a unit has the channels that feed it most
and that it feeds most, by weight, and its filter where that lies on the image; --maximize adds images made for the
most selective units of each layer. The site opens from disk, without a network. --from RUN takes the patches of an
earlier run of viz patches; with --model, links and filters are put beside them."""

_OWN = "Microscope"
_USAGE = "viz microscope --model M PHOTOS, or --from RUN"


@dataclass(frozen=True)
class _Beside:
    """What is wanted beside the patches."""

    filters: bool
    maximize: bool
    most: int


def add_to(app: typer.Typer, panel: str) -> None:
    """Add `viz microscope` to the command suite."""
    leading = [
        context_parameter(),
        optional_sources_parameter(),
        model_parameter(""),
        _from_parameter(),
        _filters_parameter(),
        flag_parameter("maximize", bool, False, "Also images made for the most selective units.", _OWN),
        flag_parameter("maximize_top", int, 8, "For how many units of each layer.", _OWN),
        flag_parameter("dry_run", bool, False, "Say what would run, how long and how large, and stop.", "Results"),
    ]
    groups: list[tuple[type, str]] = [(find("patches"), "Patches"), (SurveyOptions, "Results"), (ModelOptions, "Model")]
    app.command("microscope", rich_help_panel=panel, help=flowing(HELP))(command(_microscope, groups, leading))


def _from_parameter() -> inspect.Parameter:
    """`--from`, which is no name for a Python value."""
    declared = typer.Option("--from", metavar="RUN", help="A finished run of viz patches.", rich_help_panel=_OWN)
    return inspect.Parameter(
        "earlier", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[Path | None, declared]
    )


def _filters_parameter() -> inspect.Parameter:
    """`--filters`, which is on until it is switched off."""
    text = "Filters beside patches, where they lie on the image."
    declared = typer.Option("--filters/--no-filters", help=text, rich_help_panel=_OWN)
    return inspect.Parameter(
        "filters", inspect.Parameter.KEYWORD_ONLY, default=True, annotation=Annotated[bool, declared]
    )


def _microscope(
    context: typer.Context,
    sources: list[str] | None,
    model: str,
    earlier: Path | None,
    filters: bool,
    maximize: bool,
    maximize_top: int,
    dry_run: bool,
    **values: Any,
) -> int:
    _check_maximize(context, maximize, maximize_top)
    beside = _Beside(filters, maximize, maximize_top)
    if earlier is not None:
        _check_earlier(context, sources or [], model)
        return _from_earlier(earlier, model, beside, dry_run, values)
    if not model:
        raise UsageError("there is no model to look into", _USAGE)
    if not sources:
        raise NoImages("there are no photos to look at", _USAGE)
    return _from_photos(model, sources, beside, dry_run, values)


def _check_maximize(context: typer.Context, maximize: bool, most: int) -> None:
    if most < 1:
        raise UsageError(f"--maximize-top is {most}", "give 1 or more")
    if was_given(context, "maximize_top") and not maximize:
        raise UsageError("--maximize-top says how many images are made, and none is asked for", "add --maximize")


def _check_earlier(context: typer.Context, sources: Sequence[str], model: str) -> None:
    """Refuse what would change nothing about a run that there is."""
    if sources:
        raise UsageError("--from RUN has its patches already, and photos are given too", "leave one of them out")
    for owner in (find("patches"), SurveyOptions):
        for option in options_of(owner):
            if was_given(context, option.name):
                raise UsageError(f"{option.flag} changes nothing about the run that --from names", "leave it out")
    of_model = ["filters", "maximize", *(option.name for option in options_of(ModelOptions))]
    useless = [name for name in of_model if was_given(context, name)]
    if useless and not model:
        raise UsageError(f"--{useless[0].replace('_', '-')} needs the model itself", "add --model M")


def _from_photos(model: str, sources: Sequence[str], beside: _Beside, dry_run: bool, values: dict[str, Any]) -> int:
    from viz.engine.loading import listed
    from viz.microscope import weighted_layers
    from viz.runs import run
    from viz.surveying import check_survey_options

    options = build(SurveyOptions, values)
    asked = build(find("patches"), values)
    check_survey_options(asked, options)
    listed(sources, options)  # what can be wrong without a model is said before one is loaded
    loaded = load_model(model, build(ModelOptions, values))
    if not asked.layer:
        asked = replace(asked, layer=weighted_layers(loaded))
    if dry_run:
        from viz.cli.microscope_plan import print_plan

        return print_plan(asked, loaded, sources, options, beside.most if beside.maximize else 0)
    with RunProgress() as progress:
        summary: Any = run(asked, loaded, sources, options, progress, _command())
    _write(summary.folder, loaded, beside)
    for failed in summary.failed[:20]:
        errors.print(f"[red]failed[/] {escape(failed['name'])}: {escape(failed['reason'])}", highlight=False)
    return int(summary.exit_code)


def _from_earlier(folder: Path, model: str, beside: _Beside, dry_run: bool, values: dict[str, Any]) -> int:
    from viz.microscope import of_this_model
    from viz.report.microscope.survey_folder import read_survey

    run = read_survey(folder).run
    loaded = None
    if model:
        loaded = load_model(model, build(ModelOptions, values))
        of_this_model(run, loaded)
    if dry_run:
        from viz.cli.microscope_plan import print_earlier

        return print_earlier(folder, run, loaded, beside.most if beside.maximize else 0)
    _write(folder, loaded, beside)
    return 0


def _write(folder: Path, model: Any, beside: _Beside) -> None:
    """The site, with what can be put beside the patches where the model is there."""
    from viz.report import write_microscope

    if model is not None:
        _put_beside(folder, model, beside)
    page = write_microscope(folder)
    errors.print(f"[green]✓[/] {_megabytes(folder):,.0f} MB in {escape(str(folder))}", highlight=False, soft_wrap=True)
    errors.print(f"page: {page}", highlight=False, soft_wrap=True, markup=False)


def _put_beside(folder: Path, model: Any, beside: _Beside) -> None:
    from viz.cli.microscope_plan import print_time
    from viz.microscope import draw_filters, links, maximized, show_beside, units_to_make
    from viz.report.microscope.survey_folder import read_survey

    survey = read_survey(folder)
    layers = {layer["name"]: layer["channels"] for layer in survey.run["plan"]["layers"]}
    pictures = {}
    with RunProgress("pictures") as progress:
        if beside.filters:
            pictures["filter"] = draw_filters(model, layers, folder, progress, _command())
        if beside.maximize:
            units = units_to_make(survey, beside.most)
            print_time(model, len(units))
            pictures["maximize"] = maximized(model, units, folder, progress, _command())
    show_beside(folder, links(model, layers), pictures)


def _command() -> str:
    return "viz " + shlex.join(sys.argv[1:])


def _megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
