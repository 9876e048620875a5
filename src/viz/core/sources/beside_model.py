"""Files beside a model that say how to feed it or what its classes are called."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viz.core.errors import UnknownName, UsageError

_TOML_KEYS = ("preprocess", "labels")


@dataclass(frozen=True)
class Sidecar:
    """A `.viz.toml`: the preprocessing table as written, the labels as written, and where it lies."""

    path: Path
    preprocess: Mapping[str, Any]
    labels: str | list[Any] | None


def sidecar_of(model_path: Path | None) -> Sidecar | None:
    """`resnet.onnx.viz.toml` or `resnet.viz.toml` beside `resnet.onnx`, or None; errors as `read_sidecar`."""
    if model_path is None:
        return None
    for name in (f"{model_path.name}.viz.toml", f"{model_path.stem}.viz.toml"):
        path = model_path.with_name(name)
        if path.is_file():
            return read_sidecar(path)
    return None


def read_sidecar(path: Path) -> Sidecar:
    """A TOML file with a `[preprocess]` table, or with its keys at the top; `labels` is always at the top.

    Raises `UsageError` naming the file where it cannot be read.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise UsageError(f"{path} cannot be read as TOML: {problem}", "see docs/how-to/preprocessing.md") from None
    labels = table.pop("labels", None)
    if labels is not None and not isinstance(labels, str | list):
        raise UsageError(f"{path.name}: labels is {labels!r}", 'give a file, labels = "labels.txt", or a list of names')
    if "preprocess" not in table:
        return Sidecar(path, table, labels)
    inner = table.pop("preprocess")
    if table:
        raise UnknownName(f"key of {path.name}", next(iter(table)), _TOML_KEYS, "preprocessing goes below [preprocess]")
    if not isinstance(inner, dict):
        raise UsageError(f"{path.name}: preprocess is {inner!r}", "write [preprocess] and its keys below")
    return Sidecar(path, inner, labels)


def model_folders(model_path: Path | None) -> Iterator[Path]:
    """The model's folder; above a folder called `onnx` also its parent, where exporters leave the configs."""
    if model_path is None:
        return
    yield model_path.parent
    if model_path.absolute().parent.name == "onnx":
        yield model_path.absolute().parent.parent


def json_table(model_path: Path | None, name: str) -> tuple[Path, dict[str, Any]] | None:
    """The JSON object in the file of this name in the model's folders, and its path; None where there is none.

    Raises `UsageError` naming a file that is there and is not JSON.
    """
    for folder in model_folders(model_path):
        path = folder / name
        if path.is_file():
            table = read_json(path)
            return (path, table) if isinstance(table, dict) else None
    return None


def read_json(path: Path) -> Any:
    """What a JSON file holds; raises `UsageError` naming the file where it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as problem:
        raise UsageError(f"{path} cannot be read as JSON: {problem}", "correct the file or move it away") from None
