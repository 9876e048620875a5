"""Options, declared once: a dataclass field with an `Opt` is a flag, a TOML key and a keyword argument."""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from viz.core.errors import UnknownName, UsageError


@dataclass(frozen=True)
class Opt:
    """Help text, bounds and choices of one option; put into the field's `Annotated` type."""

    help: str
    min: float | None = None
    max: float | None = None
    choices: tuple[str, ...] = ()
    flag: str = ""
    short: str = ""
    metavar: str = ""


@dataclass(frozen=True)
class Option:
    """One option as its readers see it: name, plain type, default and what `Opt` says."""

    name: str
    type: Any
    default: Any
    opt: Opt

    @property
    def flag(self) -> str:
        """The option as typed in a shell, `--batch-size`."""
        return self.opt.flag or "--" + self.name.replace("_", "-")

    @property
    def required(self) -> bool:
        """True where there is no default."""
        return self.default is dataclasses.MISSING


def options_of(owner: type) -> tuple[Option, ...]:
    """The options of a dataclass, in the order of its fields."""
    hints = typing.get_type_hints(owner, include_extras=True)
    return tuple(_option(field, hints[field.name]) for field in dataclasses.fields(owner))


def _option(field: "dataclasses.Field[Any]", hint: Any) -> Option:
    if get_origin(hint) is not typing.Annotated:
        raise TypeError(f"option {field.name!r} needs Annotated[type, Opt(...)]")
    plain, *extras = get_args(hint)
    opt = next((e for e in extras if isinstance(e, Opt)), None)
    if opt is None:
        raise TypeError(f"option {field.name!r} has no Opt in its Annotated type")
    factory = field.default_factory
    return Option(field.name, plain, field.default if factory is dataclasses.MISSING else factory(), opt)


def check(owner: type, values: Mapping[str, Any]) -> None:
    """Raise `UsageError` naming the first value that is unknown, of the wrong type or out of bounds."""
    known = {option.name: option for option in options_of(owner)}
    for name, value in values.items():
        if name not in known:
            raise UnknownName("option", name, known)
        check_value(known[name], value)


def check_value(option: Option, value: Any) -> None:
    """Raise `UsageError` where `value`, or an item of it, does not suit `option`."""
    opt = option.opt
    if not _fits(value, option.type):
        raise UsageError(f"{option.flag} is {value!r}, which is not {type_name(option.type)}", opt.help)
    for item in value if isinstance(value, list | tuple) else [value]:
        if opt.choices and item is not None and item not in opt.choices:
            raise UnknownName(f"choice of {option.flag}", str(item), opt.choices)
        if isinstance(item, int | float) and not isinstance(item, bool):
            _check_bounds(option, item)


def _check_bounds(option: Option, value: float) -> None:
    low, high = option.opt.min, option.opt.max
    if not math.isfinite(value):
        raise UsageError(f"{option.flag} is {value}, but must be a finite number", option.opt.help)
    if (low is not None and value < low) or (high is not None and value > high):
        bounds = [text for text, limit in ((f"at least {low}", low), (f"at most {high}", high)) if limit is not None]
        raise UsageError(f"{option.flag} is {value}, but must be {' and '.join(bounds)}", option.opt.help)


def _fits(value: Any, kind: Any) -> bool:
    origin, kinds = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return any(_fits(value, k) for k in kinds)
    if origin is Literal:
        return value in kinds
    if origin is tuple and Ellipsis not in kinds:
        return isinstance(value, list | tuple) and len(value) == len(kinds) and all(map(_fits, value, kinds))
    if origin in (list, tuple):
        return isinstance(value, list | tuple) and all(_fits(v, kinds[0]) for v in value)
    if kind in (int, float):
        numbers = int if kind is int else int | float
        return isinstance(value, numbers) and not isinstance(value, bool)
    return isinstance(value, kind)


def type_name(kind: Any) -> str:
    """A type in words for an error message: 'a whole number', 'text'."""
    words = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(type_name(k) for k in get_args(kind) if k is not types.NoneType)
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    if get_origin(kind) in (list, tuple):
        return "a list of " + type_name(get_args(kind)[0]).removeprefix("a ") + "s"
    return words.get(kind, getattr(kind, "__name__", str(kind)))
