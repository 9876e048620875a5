"""True classes of images, from a labels.json beside them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def true_classes(paths: Sequence[Path], skipped: list[str]) -> list[str | None]:
    """Each image's class, a name or an index as text, or None where none is known.

    From `labels.json` in its folder, or in the folder above, where it may be listed by its path from
    there or by its bare name: {"a.jpg": 3 | "tabby" | {"class_index": 3} | {"label": "tabby"}}; a label
    counts before an index, and of a list `class_indices` the first. A labels.json that is no JSON is noted in
    `skipped`.
    """
    tables: dict[Path, dict[str, str]] = {}
    for folder in dict.fromkeys(folder for path in paths for folder in (path.parent, path.parent.parent)):
        tables[folder] = _table(folder / "labels.json", skipped)
    return [_looked_up(path, tables) for path in paths]


def _looked_up(path: Path, tables: dict[Path, dict[str, str]]) -> str | None:
    here, above = tables[path.parent], tables[path.parent.parent]
    return here.get(path.name) or above.get(f"{path.parent.name}/{path.name}") or above.get(path.name)


def _table(path: Path, skipped: list[str]) -> dict[str, str]:
    try:
        table = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as problem:
        skipped.append(f"{path}: cannot be read as JSON: {problem}")
        return {}
    if not isinstance(table, dict):  # class names of a model
        return {}
    truths = {name: _truth(entry) for name, entry in table.items()}
    return {name: truth for name, truth in truths.items() if truth}


def _truth(entry: Any) -> str | None:
    if isinstance(entry, dict):
        several = entry.get("class_indices") or [None]
        first = several[0] if isinstance(several, list) else None
        # A name says what it means for any model; an index counts by one model's list.
        entry = entry.get("label", entry.get("class_index", first))
    return str(entry) if isinstance(entry, int | str) and not isinstance(entry, bool) else None
