"""Values as people write them in TOML, as the values that options take."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from viz.batch.document import Document, Place
from viz.core.errors import UnknownName, UsageError
from viz.core.options import Option, check_value


@dataclass(frozen=True)
class Keys:
    """Which keys a table may hold: those of `options`, and `others`, which are its reader's own business.

    `kind` and `listing` word the error for an unknown one. `check` raises `UsageError` for a value that has
    the right type and still cannot be used.
    """

    kind: str
    options: tuple[Option, ...]
    others: tuple[str, ...] = ()
    listing: str = ""
    check: Callable[[str, Any], None] = lambda name, value: None


def option_values(document: Document, place: Place, table: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
    """The checked values of a table by option name; its keys are flags' names with - or _.

    A key or value that cannot be used is reported to the document with its line, and left out.
    """
    known = {option.name: option for option in keys.options}
    values: dict[str, Any] = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name in keys.others:
            continue
        with document.at(*place, key):
            if name not in known:
                raise UnknownName(keys.kind, key, [*keys.others, *known], keys.listing)
            if name in values:
                raise UsageError(f"{key} is given twice, with - and with _", "leave one out")
            typed = as_typed(known[name], value)
            keys.check(name, typed)
            values[name] = typed
    return values


def as_typed(option: Option, value: Any) -> Any:
    """A TOML value as the option's own type: what a shell passes as text may also be a number or a list.

    `size = 224` is "224", `mean = [0.5, 0.5, 0.5]` is "0.5,0.5,0.5", `input = "t=1"` is ("t=1",).
    Raises `UsageError` where the value does not suit the option.
    """
    kinds = get_args(option.type) if get_origin(option.type) is not tuple else ()
    kinds = kinds or (option.type,)
    if any(get_origin(kind) is tuple for kind in kinds):
        value = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value
    elif str in kinds:
        value = as_text(value)
    elif float in kinds and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    check_value(option, value)
    return value


def as_text(value: Any) -> Any:
    """A number, or a list of numbers, as it is typed in a shell; anything else as it is."""
    if isinstance(value, list) and value and all(_is_number(part) for part in value):
        return ",".join(map(str, value))
    return str(value) if _is_number(value) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
