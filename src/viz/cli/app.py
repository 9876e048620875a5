"""The whole `viz` command: one command per technique, built from its options, and those around them."""

from typing import Any

import typer

from viz.cli import batch, compare, config, evaluate, layers, merge, microscope, predict, smoke, verify, zoo
from viz.cli.technique import add_techniques
from viz.cli.top import COMMANDS, new_app

app = new_app()


def _register() -> None:
    add_techniques(app)
    modules = (predict, layers, verify, evaluate, batch, compare, merge, microscope, smoke)
    by_name = {module.__name__.rpartition(".")[2]: module for module in modules}
    for name, (panel, _) in COMMANDS.items():  # in the order in which `viz --help` lists them
        if name in by_name:
            by_name[name].add_to(app, panel)
    for name, group in {"config": config.app, "zoo": zoo.app}.items():
        app.add_typer(group, name=name, rich_help_panel=COMMANDS[name][0])


_register()


def command_names() -> dict[str, Any]:
    """Every command by name, for the generated reference."""
    group: Any = typer.main.get_command(app)
    return dict(group.commands)
