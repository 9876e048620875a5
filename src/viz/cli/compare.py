"""`viz compare`: several techniques on the same images, one row per image, one column per technique."""

import json
import sys
from typing import Any, Literal

import typer

from viz.cli.arguments import build, command, flag_parameter, flowing, model_parameter, sources_parameter
from viz.cli.batch import run_cells
from viz.cli.batch_tables import print_outcomes, print_problems
from viz.cli.console import errors
from viz.core.model_options import ModelOptions
from viz.core.run_options import RunOptions

Format = Literal["table", "json"]

HELP = """Put several techniques side by side on the same images: one row per image, one column per technique.

A technique that does not apply to the model is reported with its reason, and the others go on. Every
technique explains the same target; --set TECHNIQUE.OPTION=VALUE changes an option of one of them."""


def add_to(app: typer.Typer, panel: str) -> None:
    """Add `viz compare` to the command suite."""
    leading = [
        sources_parameter(),
        model_parameter(),
        flag_parameter("techniques", str, "saliency,grad-cam,occlusion", "Names with commas between.", "Compare", "-t"),
        flag_parameter("settings", list[str] | None, None, "An option of one technique.", "Compare"),
        flag_parameter("format", Format, "table", "What goes to stdout.", "Results").replace(name="output_format"),
    ]
    leading[3] = _named_set(leading[3])
    app.command("compare", rich_help_panel=panel, help=flowing(HELP))(
        command(_compare, [(RunOptions, "Results"), (ModelOptions, "Model")], leading)
    )


def _named_set(parameter: Any) -> Any:
    """`--set`, which is no name for a Python value."""
    from typing import Annotated

    declared = typer.Option(
        "--set", metavar="TECHNIQUE.OPTION=VALUE", help="An option of one technique.", rich_help_panel="Compare"
    )
    return parameter.replace(annotation=Annotated[list[str] | None, declared])


def _compare(
    sources: list[str],
    model: str,
    techniques: str,
    settings: list[str] | None,
    output_format: Format,
    **values: Any,
) -> int:
    from viz.batch import exit_code
    from viz.batch.comparing import comparison, technique_names
    from viz.engine.loading import listed

    options = build(RunOptions, values)
    listed(sources, options)  # what can be wrong without a model is said before one is loaded
    model_options = build(ModelOptions, values)
    plan = comparison(model, model_options, technique_names(techniques), settings or [], sources, options)
    outcomes = run_cells(plan, plan.cells())
    if output_format == "json":
        record = json.loads((plan.out / "batch.json").read_text(encoding="utf-8"))
        sys.stdout.write(json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    else:
        print_outcomes(outcomes)
    print_problems(outcomes)
    errors.print(f"page: {plan.out / 'index.html'}", highlight=False, soft_wrap=True, markup=False)
    return int(exit_code(outcomes))
