"""The whole `viz` command: one command per technique, built from its options, and those around them."""

from typing import Any

import typer

from viz.cli import batch, compare, config, evaluate, layers, predict, smoke, verify, zoo
from viz.cli.technique import add_techniques
from viz.cli.top import COMMANDS, new_app

app = new_app()


def _register() -> None:
    add_techniques(app)
    for module in (predict, layers, verify, batch, compare, evaluate, smoke):
        name = module.__name__.rpartition(".")[2]
        module.add_to(app, COMMANDS[name][0])
    for name, group in {"config": config.app, "zoo": zoo.app}.items():
        app.add_typer(group, name=name, rich_help_panel=COMMANDS[name][0])


_register()


def command_names() -> dict[str, Any]:
    """Every command by name, for the generated reference."""
    group: Any = typer.main.get_command(app)
    return dict(group.commands)
