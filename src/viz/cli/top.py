"""The top of the command suite: what stands before a command, and the panels in which commands are listed.

`viz --help` is answered from here and from the source of the techniques, so that it imports nothing heavy;
every other call builds all commands (`app.py`). A test holds the two against each other.
"""

from pathlib import Path
from typing import Annotated

import typer

from viz.core.technique_listing import listed_techniques

LOOK, MANY, SET_UP = "Look at a model", "Many at once", "Set up"

FAMILIES = {
    "attribution": "Explain an image",
    "activation": "See the neurons",
    "synthesis": "Make images",
    "attack": "Fool the network",
    "metrics": "Judge a map",
}

# The first sentence of each command's help.
COMMANDS = {
    "predict": (LOOK, "Print the classes that the model ranks highest for each image."),
    "layers": (LOOK, "List every layer of a model: name, aliases, operator, shape, receptive field, parameters, MACs."),
    "evaluate": (
        MANY,
        "Measure how good the maps of several techniques are, beside baselines that need no model, and print a table.",
    ),
    "verify": (
        LOOK,
        "Certify a model's gradients: values against its runtime layer by layer, gradients against differences.",
    ),
    "batch": (
        MANY,
        "Run every model and technique of a plan over its images, each into a folder, and show all on one page.",
    ),
    "compare": (
        MANY,
        "Put several techniques side by side on the same images: one row per image, one column per technique.",
    ),
    "merge": (MANY, "Join the run folders of shards into what one run without --shard leaves."),
    "microscope": (
        MANY,
        "Put all that is known of a network's neurons on one site: patches, filters, images made for them, links.",
    ),
    "smoke": (MANY, "Check every technique on a model, at tiny settings, on a few generated pictures."),
    "config": (
        SET_UP,
        "Write and check the TOML files that viz reads: plans for `viz batch`, defaults for `viz --config`.",
    ),
    "zoo": (SET_UP, "Models by name: list them, download them, and make pictures for the built-in one."),
}


def new_app() -> typer.Typer:
    """`viz` with its own options and no command yet."""
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
    app.callback(invoke_without_command=True)(_before_any_command)
    return app


def overview() -> typer.Typer:
    """`viz` with its commands as `viz --help` lists them: names and sentences, nothing behind them."""
    app = new_app()
    for listed in listed_techniques():
        _list(app, listed.name, FAMILIES.get(listed.family, listed.family), listed.summary)
    for name, (panel, summary) in COMMANDS.items():
        _list(app, name, panel, summary)
    return app


def _list(app: typer.Typer, name: str, panel: str, summary: str) -> None:
    app.command(name, help=summary, rich_help_panel=panel)(lambda: None)


def _before_any_command(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print versions and exit.", is_eager=True, show_envvar=False)
    ] = False,
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
        from viz.cli.config import defaults

        context.default_map = defaults(config_file)


def _print_versions() -> None:
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    for package in ("onnx-viz", "onnxruntime-gpu", "onnxruntime", "onnx", "torch", "numpy"):
        try:
            typer.echo(f"{package} {version_of(package)}")
        except PackageNotFoundError:
            continue
