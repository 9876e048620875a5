"""Defaults of commands from a TOML file: one table per command, with its flags' names as keys."""

from collections.abc import Mapping
from typing import Any

import typer

from viz.batch.document import Document, Place
from viz.batch.values import as_text
from viz.core.errors import UnknownName, UsageError


def default_map(document: Document, commands: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The file's tables by command, their keys as the parameters' own names, for Typer's `default_map`.

    `commands` are Typer's own, by name; a group's commands have tables within its table, [zoo.fetch].
    Raises `InvalidFile` with every problem and its line.
    """
    found = _of_commands(document, (), document.values, commands)
    document.raise_problems()
    return found


def _of_commands(
    document: Document, place: Place, tables: Mapping[str, Any], commands: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, table in tables.items():
        here = (*place, name)
        with document.at(*here):
            if name not in commands:
                raise UnknownName("command", " ".join(map(str, here)), commands, "each table is named after a command")
            if not isinstance(table, dict):
                raise UsageError(f"{name} is {table!r}", f"write [{name}] and its options below")
            within = getattr(commands[name], "commands", None)
            inner = _of_commands(document, here, table, within) if within else None
            found[name] = _of_command(document, here, table, commands[name]) if inner is None else inner
    return found


def _of_command(document: Document, place: Place, table: Mapping[str, Any], command: Any) -> dict[str, Any]:
    """A command's checked defaults by parameter name."""
    by_flag = {_flag(parameter): parameter for parameter in command.params if parameter.name != "help"}
    found: dict[str, Any] = {}
    for key, value in table.items():
        with document.at(*place, key):
            flag = key.replace("_", "-")
            if flag not in by_flag:
                name = " ".join(map(str, place))
                raise UnknownName(f"option of {name}", key, by_flag, f"`viz {name} --help` lists them")
            if by_flag[flag].name in found:
                raise UsageError(f"{key} is given twice, with - and with _", "leave one out")
            found[by_flag[flag].name] = _converted(by_flag[flag], value)
    return found


def _flag(parameter: Any) -> str:
    """`batch-size` for --batch-size; an argument by its own name."""
    long = [name for name in parameter.opts if name.startswith("--")]
    return str(long[0]).removeprefix("--") if long else str(parameter.name).replace("_", "-")


def _converted(parameter: Any, value: Any) -> Any:
    """The value as the command will have it. Raises `UsageError` where its type or bounds do not allow it."""
    many = parameter.multiple or parameter.nargs != 1
    if many:
        parts = value if isinstance(value, list) else [value]
        return [_single(parameter, part) for part in parts]
    return _single(parameter, value)


_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "boolean": ((bool,), "true or false"),
    "integer": ((int,), "a whole number"),
    "integer range": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "float range": ((int, float), "a number"),
}


def _single(parameter: Any, value: Any) -> Any:
    """Typer would take "yes", 1 or "8" too; a file that is checked says what it means."""
    types, words = _KINDS.get(parameter.type.name, ((str,), "text"))
    given = as_text(value) if str in types else value
    flag = "--" + _flag(parameter)
    if not isinstance(given, types) or (isinstance(given, bool) and bool not in types):
        raise UsageError(f"{flag} is {value!r}, which is not {words}", parameter.help or "")
    try:
        parameter.type.convert(given, parameter, None)
    except typer.BadParameter as problem:
        raise UsageError(f"{flag} is {value!r}: {problem.message}", parameter.help or "") from None
    return given
