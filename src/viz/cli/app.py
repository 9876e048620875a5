"""The `viz` command: one command per technique, built from its options, and those around them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from viz.cli import batch, config, layers, predict, smoke, zoo
from viz.cli.technique import add_techniques

PANELS = {"look": "Look at a model", "many": "Many at once", "set up": "Set up"}

app = typer.Typer(
    name="viz",
    help="See inside vision models: any ONNX file, any torch module.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "VIZ"},
    epilog="`viz COMMAND --help` explains a command. Exit codes: 0 done, 1 a check failed, 2 usage, 3 model, "
    "4 some images failed, 5 no image found, 70 a bug in viz.",
)


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print versions and exit.", is_eager=True)] = False,
    config_file: Annotated[
        Path | None,
        typer.Option("--config", help="TOML file with a table of defaults per command.", envvar="VIZ_CONFIG"),
    ] = None,
) -> None:
    """See inside vision models: any ONNX file, any torch module."""
    if version:
        _print_versions()
        raise typer.Exit()
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit()
    if config_file is not None:
        context.default_map = config.defaults(config_file)


def _print_versions() -> None:
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    for package in ("onnx-viz", "onnxruntime-gpu", "onnxruntime", "onnx", "torch", "numpy"):
        try:
            typer.echo(f"{package} {version_of(package)}")
        except PackageNotFoundError:
            continue


def _register() -> None:
    add_techniques(app)
    predict.add_to(app, PANELS["look"])
    layers.add_to(app, PANELS["look"])
    batch.add_to(app, PANELS["many"])
    smoke.add_to(app, PANELS["many"])
    app.add_typer(config.app, name="config", rich_help_panel=PANELS["set up"])
    app.add_typer(zoo.app, name="zoo", rich_help_panel=PANELS["set up"])


_register()


def command_names() -> dict[str, Any]:
    """Every command by name, for the generated reference."""
    group: Any = typer.main.get_command(app)
    return dict(group.commands)
