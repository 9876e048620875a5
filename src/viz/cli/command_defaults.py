"""Defaults of commands from a TOML file: one table per command, with its flags' names as keys."""

import inspect
import types
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer

from viz.batch.document import Document, Place
from viz.batch.values import as_typed
from viz.core.errors import UnknownName, UsageError
from viz.core.options import Opt, Option

Defaults = dict[str, dict[str, Any]]


def default_map(document: Document, app: typer.Typer) -> Defaults:
    """The file's tables by command of `app`, keys as the parameters' own names, for Typer's `default_map`.

    The commands of a group have tables within its own, [zoo.fetch].
    Raises `InvalidFile` with every problem and its line.
    """
    found = _of_commands(document, (), document.values, app)
    document.raise_problems()
    return found


def _of_commands(document: Document, place: Place, tables: Mapping[str, Any], app: typer.Typer) -> Defaults:
    commands = {one.name or _kebab(one.callback): one.callback for one in app.registered_commands}
    groups = {str(one.name): one.typer_instance for one in app.registered_groups}
    found: Defaults = {}
    for name, table in tables.items():
        here = (*place, name)
        with document.at(*here):
            if name not in commands | groups:
                listing = "each table has the name of a command"
                raise UnknownName("command", " ".join(map(str, here)), [*commands, *groups], listing)
            if not isinstance(table, dict):
                raise UsageError(f"{name} is {table!r}", f"write [{name}] and its options below")
            group, callback = groups.get(name), commands.get(name)
            if group is not None:
                found[name] = _of_commands(document, here, table, group)
            elif callback is not None:
                found[name] = _of_command(document, here, table, callback)
    return found


def _kebab(callback: Any) -> str:
    return str(callback.__name__).replace("_", "-")


def _of_command(
    document: Document, place: Place, table: Mapping[str, Any], callback: Callable[..., Any]
) -> dict[str, Any]:
    """A command's checked defaults by parameter name."""
    parameters = inspect.signature(callback, eval_str=True).parameters.values()
    described = [_option(one) for one in parameters if get_origin(one.annotation) is Annotated]
    options = {option.flag.removeprefix("--"): option for option in described}
    found: dict[str, Any] = {}
    for key, value in table.items():
        with document.at(*place, key):
            flag, name = key.replace("_", "-"), " ".join(map(str, place))
            if flag not in options:
                raise UnknownName(f"option of {name}", key, options, f"`viz {name} --help` lists them")
            if options[flag].name in found:
                raise UsageError(f"{key} is given twice, with - and with _", "leave one out")
            typed = as_typed(options[flag], value)
            found[options[flag].name] = list(typed) if isinstance(typed, tuple) else typed
    return found


def _option(parameter: inspect.Parameter) -> Option:
    """A command's parameter as an option: the type, bounds and choices that are written in its signature."""
    hint, *extras = get_args(parameter.annotation)
    info = extras[0]
    named = [name for name in (info.default, *(info.param_decls or ())) if str(name).startswith("--")]
    kinds = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    choices = tuple(str(choice) for kind in kinds for choice in _choices(kind))
    opt = Opt(info.help or "", info.min, info.max, choices, flag=named[0].split("/")[0] if named else "")
    return Option(parameter.name, Union.__getitem__(tuple(map(_plain, kinds))), parameter.default, opt)


def _choices(kind: Any) -> tuple[Any, ...]:
    if get_origin(kind) is Literal:
        return get_args(kind)
    return tuple(member.value for member in kind) if isinstance(kind, type) and issubclass(kind, Enum) else ()


def _plain(kind: Any) -> Any:
    """The type as a TOML file has it: choices and paths are texts, lists are checked part by part."""
    if get_origin(kind) is list:
        return tuple.__class_getitem__((_plain(get_args(kind)[0]), ...))
    return kind if kind in (bool, int, float, types.NoneType) else str
