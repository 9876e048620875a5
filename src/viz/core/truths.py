"""What is known of images: their true classes and where the object is, from labels.json and boxes.json beside them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viz.core.remote_paths import read_bytes

_FILES = ("boxes.json", "labels.json")  # what a later one says counts before what an earlier one says


@dataclass(frozen=True)
class Known:
    """What is said of an image: its entry as written, and the folder that paths in it are relative to."""

    said: Any
    folder: Path


def known_of(paths: Sequence[Path], skipped: list[str]) -> list[Known | None]:
    """Each image's entry in the files of its folder, or of the folder above, or None.

    There it may be listed by its path from there or by its bare name. Where both files describe it, the
    entries are put together. A file that is no JSON is noted in `skipped`.
    """
    tables: dict[Path, dict[str, Any]] = {}
    for folder in dict.fromkeys(folder for path in paths for folder in (path.parent, path.parent.parent)):
        tables[folder] = _table(folder, skipped)
    return [_looked_up(path, tables) for path in paths]


def true_classes(paths: Sequence[Path], skipped: list[str]) -> list[str | None]:
    """Each image's class, a name or an index as text, or None where none is known.

    {"a.jpg": 3 | "tabby" | {"class_index": 3} | {"label": "tabby"}}; a label counts before an index, and of
    a list `class_indices` the first. See `known_of`.
    """
    return [_truth(known.said) if known else None for known in known_of(paths, skipped)]


def _looked_up(path: Path, tables: dict[Path, dict[str, Any]]) -> Known | None:
    here, above = path.parent, path.parent.parent
    for folder, name in ((here, path.name), (above, f"{here.name}/{path.name}"), (above, path.name)):
        if name in tables[folder]:
            return Known(tables[folder][name], folder)
    return None


def _table(folder: Path, skipped: list[str]) -> dict[str, Any]:
    together: dict[str, Any] = {}
    for file in _FILES:
        for name, said in _read(folder / file, skipped).items():
            before = together.get(name)
            together[name] = {**before, **said} if isinstance(before, dict) and isinstance(said, dict) else said
    return together


def _read(path: Path, skipped: list[str]) -> dict[str, Any]:
    try:
        table = json.loads(read_bytes(path).decode("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as problem:
        skipped.append(f"{path}: cannot be read as JSON: {problem}")
        return {}
    return table if isinstance(table, dict) else {}  # a list has the class names of a model


def _truth(entry: Any) -> str | None:
    if isinstance(entry, dict):
        several = entry.get("class_indices") or [None]
        first = several[0] if isinstance(several, list) else None
        # A name says what it means for any model; an index counts by one model's list.
        entry = entry.get("label", entry.get("class_index", first))
    return str(entry) if isinstance(entry, int | str) and not isinstance(entry, bool) else None
