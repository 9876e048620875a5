"""Class names in files: a text file with one a line, or JSON in the shapes that people use."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from viz.core.errors import UsageError
from viz.core.sources.beside_model import read_json

_SHAPES = "a list of names, a list of {index, name}, a table {index: name}, or a config with id2label"


def read_names(path: Path) -> list[str]:
    """The class names in a file that someone named; raises `UsageError` where there are none."""
    if path.suffix.lower() == ".json":
        names = names_of(read_json(path))
        if not names:
            raise UsageError(f"{path} holds no class names", f"write {_SHAPES}")
        return names
    try:
        names = _lines(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise UsageError(f"the labels {path} cannot be read: {reason}", "one class name a line, UTF-8") from None
    if not names:
        raise UsageError(f"{path} holds no class names", "one class name a line, in class order")
    return names


def names_in(path: Path) -> list[str] | None:
    """The class names in a JSON file that merely lies there; None where it holds something else.

    Raises `UsageError` where it is no JSON at all.
    """
    return names_of(read_json(path))


def names_of(data: Any) -> list[str] | None:
    """Class names in class order from parsed JSON or a Python literal; None where it holds none.

    Takes ["cat", "dog"], [{"index": 0, "name": "cat"}], {"0": "cat"}, Keras' {"0": ["n0212", "cat"]}, and a
    table with id2label. Indices have to be 0 to n - 1, each once.
    """
    if isinstance(data, Mapping):
        return names_of(data["id2label"]) if "id2label" in data else _by_index(dict(data))
    if not isinstance(data, list | tuple) or not data:
        return None
    if all(isinstance(item, Mapping) and {"index", "name"} <= set(item) for item in data):
        return _by_index({item["index"]: item["name"] for item in data}, len(data))
    return list(data) if all(isinstance(item, str) for item in data) else None


def _by_index(table: dict[Any, Any], count: int | None = None) -> list[str] | None:
    indexed = {int(key): _name(value) for key, value in table.items() if re.fullmatch(r"\d+", str(key))}
    names = [indexed.get(index) for index in range(len(table))]
    whole = len(indexed) == (count or len(table)) and all(name is not None for name in names)
    return [str(name) for name in names] if names and whole else None


def _name(value: Any) -> str | None:
    if isinstance(value, list | tuple) and value:
        value = value[-1]
    return value if isinstance(value, str) else None


def _lines(text: str) -> list[str]:
    """One name a line; the WordNet ids before ImageNet's names are left out where every line has one."""
    lines = [line.strip() for line in text.rstrip().splitlines()]
    if lines and all(re.match(r"n\d{8}\s+\S", line) for line in lines):
        lines = [line.split(maxsplit=1)[1] for line in lines]
    return [line or f"class {index}" for index, line in enumerate(lines)]
