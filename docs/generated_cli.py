"""The command line's reference page, from the commands themselves: options, defaults, bounds, choices, panels."""

import types
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import typer

from viz.cli.app import app, command_names

Rows = tuple[str, ...]
Panels = dict[str, Rows]

INTRODUCTION = """\
# Commands

Every command with its options; `viz COMMAND --help` prints the same. Results go to stdout; progress, warnings
and errors to stderr. What a command's [exit code](exit-codes.md) says, and which
[files](run-folder.md) a run leaves, stand on pages of their own.
"""
SHARED = "## Options that several commands share\n"
_HEAD = "| Option | Value | Default | Meaning |\n|---|---|---|---|\n"


def cli_page() -> str:
    """The whole page as Markdown."""
    commands = dict(_all_commands(command_names(), "viz"))
    panels = {name: _panels(command) for name, command in commands.items()}
    shared = _shared(panels.values())
    parts = [INTRODUCTION, _overview(command_names()), _options_of_viz()]
    parts += [_section(name, commands[name], panels[name], shared) for name in commands]
    parts += [SHARED, *(_shared_section(title, rows) for title, rows in shared)]
    return "\n".join(parts)


def _all_commands(commands: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    """Every command that can be run, by its whole name: `viz zoo list`."""
    for name, command in commands.items():
        inner = getattr(command, "commands", None)
        if inner is None:
            yield f"{above} {name}", command
        else:
            yield from _all_commands(inner, f"{above} {name}")


def _overview(commands: Mapping[str, Any]) -> str:
    lines = ["| Group | Commands | What they do |", "|---|---|---|"]
    for name, command in commands.items():
        inner = getattr(command, "commands", {})
        linked = ", ".join(_link(f"viz {name} {each}") for each in inner) or _link(f"viz {name}")
        lines.append(f"| {command.rich_help_panel} | {linked} | {_first_sentence(command.help)} |")
    return "\n".join(lines) + "\n"


def _options_of_viz() -> str:
    """The options before a command's name."""
    rows = [_row(parameter) for parameter in _options(typer.main.get_command(app))]
    return "## viz\n\nOptions that stand before the command.\n\n" + _table(rows)


def _section(name: str, command: Any, panels: Panels, shared: Sequence[tuple[str, Rows]]) -> str:
    place = [f'<a id="{anchor(name)}"></a>'] if "+" in name else []
    parts = [*place, f"## {name}", _usage(name, command), *_paragraphs(command.help)]
    parts += [f"`{one.metavar or one.name.upper()}`: {_escaped(one.help)}" for one in _arguments(command)]
    for title, rows in panels.items():
        if (title, rows) in shared:
            parts.append(f"**{title}**: see [{_shared_title(title)}](#{anchor(_shared_title(title))}).")
        else:
            parts.append(f"**{title}**\n\n{_table(rows)}".rstrip())
    return "\n\n".join(parts) + "\n"


def _shared_section(title: str, rows: Rows) -> str:
    return f"### {_shared_title(title)}\n\n{_table(rows)}"


def _shared_title(panel: str) -> str:
    return f"{panel} options"


def _shared(every: Any) -> list[tuple[str, Rows]]:
    """Panels that several commands have alike: they are printed once."""
    counts = Counter(panel for panels in every for panel in panels.items())
    return [panel for panel, count in counts.items() if count > 1 and len(panel[1]) > 3]


def _panels(command: Any) -> Panels:
    panels: dict[str, list[str]] = {}
    for parameter in _options(command):
        panels.setdefault(parameter.rich_help_panel or "Options", []).append(_row(parameter))
    return {title: tuple(rows) for title, rows in panels.items()}


def _options(command: Any) -> list[Any]:
    shown = [one for one in command.params if any(name.startswith("-") for name in one.opts)]
    return [one for one in shown if not one.hidden and one.name != "help"]


def _arguments(command: Any) -> list[Any]:
    return [one for one in command.params if not any(name.startswith("-") for name in one.opts)]


def _usage(name: str, command: Any) -> str:
    words = [_argument_word(one) for one in _arguments(command)]
    return f"`{' '.join([name, '[OPTIONS]', *words])}`"


def _argument_word(argument: Any) -> str:
    word = argument.metavar or argument.name.upper()
    many = "..." if argument.nargs == -1 and not word.endswith("...") else ""
    return word + many if argument.required else f"[{word}]{many}"


def _row(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    from_environment = f" Environment: `{option.envvar}`." if option.envvar else ""
    meaning = _escaped(option.help or "") + from_environment
    return f"| {names} | {_value(option)} | {_default(option)} | {meaning} |"


def _value(option: Any) -> str:
    """What is typed after the option: its choices, its form, or its kind and bounds."""
    if option.is_flag:
        return ""
    kind = _plain(option.type_descriptor.annotation)
    if option.metavar:
        text = f"`{option.metavar}`"
    elif choices := _choices(kind):
        text = " ".join(f"`{choice}`" for choice in choices)
    else:
        text = {int: "whole number", float: "number", str: "text", Path: "path"}[kind]
    return _escaped(text + _bounds(option) + (", may be repeated" if option.multiple else ""))


def _bounds(option: Any) -> str:
    low = "" if option.min is None else f", at least {option.min:g}"
    return low + ("" if option.max is None else f", at most {option.max:g}")


def _plain(kind: Any) -> Any:
    """The type without `| None` and without the list around it."""
    if get_origin(kind) in (Union, types.UnionType):
        return _plain(next(part for part in get_args(kind) if part is not types.NoneType))
    return _plain(get_args(kind)[0]) if get_origin(kind) is list else kind


def _choices(kind: Any) -> Sequence[str]:
    if get_origin(kind) is Literal:
        return [str(choice) for choice in get_args(kind)]
    members = getattr(kind, "__members__", {})
    return [member.value for member in members.values()]


def _default(option: Any) -> str:
    if option.required:
        return "required"
    if option.default is None or option.default == [] or option.is_flag:
        return ""
    return _escaped(f"`{getattr(option.default, 'value', option.default)}`")


def _table(rows: Sequence[str]) -> str:
    return _HEAD + "\n".join(rows) + "\n"


def _paragraphs(text: str) -> list[str]:
    return [_escaped(" ".join(part.split())) for part in text.strip().split("\n\n")]


def _first_sentence(text: str) -> str:
    return _paragraphs(text)[0]


def _escaped(text: str) -> str:
    """Text that no Markdown table and no HTML takes apart."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def _link(command: str) -> str:
    return f"[`{command}`](#{anchor(command)})"


def anchor(title: str) -> str:
    """The heading's anchor; `+`, which sites leave out of one, is written out: two headings would else share it."""
    return title.lower().replace(" ", "-").replace("+", "-plus")
