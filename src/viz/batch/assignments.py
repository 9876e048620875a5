"""Options of several things in one list of texts: `occlusion.patch=16`, as `--set` takes them."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from viz.batch.values import as_typed
from viz.core.errors import UnknownName, UsageError
from viz.core.options import options_of


def assigned(texts: Sequence[str], owners: Mapping[str, type], kind: str) -> dict[str, dict[str, Any]]:
    """For each owner's name, the values that the texts `NAME.OPTION=VALUE` give its options.

    `owners` are classes whose fields are options, `kind` is what an error calls one. Raises `UsageError` or
    `UnknownName` for what cannot be.
    """
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        name, dot, option = key.rpartition(".")
        if not equals or not dot:
            raise UsageError(f"--set {text} is not NAME.OPTION=VALUE", "for example --set occlusion.patch=16")
        if name not in owners:
            raise UnknownName(kind, name, owners)
        found.setdefault(name, {}).update([_typed(name, owners[name], option.replace("-", "_"), value)])
    return found


def _typed(name: str, owner: type, option: str, text: str) -> tuple[str, Any]:
    known = {one.name: one for one in options_of(owner)}
    if option not in known:
        raise UnknownName(f"option of {name}", option, known)
    return option, as_typed(known[option], _value(text))


def _value(text: str) -> Any:
    """A number, true or false where it reads as one, else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
