"""Every number of an evaluation on disk as soon as it is there: a second try computes only what is missing."""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from viz.core.errors import UsageError

Line = dict[str, Any]


def key_of(instance: Any) -> str:
    """A technique or metric with its settings, as a short name: `occlusion-1f3a90c2`."""
    settings = json.dumps(asdict(instance), sort_keys=True)
    return f"{instance.info.name}-{hashlib.sha256(settings.encode()).hexdigest()[:8]}"


class Ledger:
    """results.jsonl of an evaluation's folder: one line per image, technique and metric.

    A line counts only for the image that it was written for, by its file's hash. Raises `UsageError` where the
    folder holds another evaluation than the one that `about` describes, which it is marked with.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any]):
        self.folder, self.path = folder, folder / "results.jsonl"
        _claim(folder, about)
        self._known: dict[tuple[str, str, str, str], Line] = {}
        for line in _whole_lines(self.path):
            self._known[line["image"], line["sha256"], line["technique"], line["metric"]] = line

    def find(self, image: str, sha256: str, technique: str, metric: str) -> Line | None:
        """The line about an image, or None."""
        return self._known.get((image, sha256, technique, metric))

    def add(self, lines: Iterable[Line]) -> None:
        """Write lines in one go: after a kill all of them count, or none."""
        lines = list(lines)
        for line in lines:
            self._known[line["image"], line["sha256"], line["technique"], line["metric"]] = line
        with self.path.open("ab") as stream:
            text = "".join(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in lines)
            stream.write(text.encode())


def line(image: str, sha256: str, technique: str, metric: str, value: float, details: Mapping[str, float]) -> Line:
    """One number with its further ones. JSON has no NaN: it becomes None, for an image without a value."""
    found = {name: _written(number) for name, number in details.items()}
    return {
        "image": image,
        "sha256": sha256,
        "technique": technique,
        "metric": metric,
        "value": _written(value),
        "details": found,
    }


def _written(value: float) -> float | None:
    return float(f"{float(value):.7g}") if np.isfinite(value) else None


def _whole_lines(path: Path) -> list[Line]:
    """The lines that are whole; one that a kill has cut off is taken away, so that the next starts afresh."""
    if not path.exists():
        return []
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if whole != data:
        path.write_bytes(whole)
    lines = []
    for text in whole.splitlines():
        with contextlib.suppress(ValueError):
            lines.append(json.loads(text))
    return lines


def _claim(folder: Path, about: Mapping[str, Any]) -> None:
    """Mark the folder as this evaluation's, or refuse."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(
            f"no folder can be made at {str(folder)!r}: {problem.strerror}", "choose another --out"
        ) from None
    mark = folder / "evaluation.json"
    found = _read(mark)
    foreign = (folder / "run.json").exists() or (folder / "batch.json").exists()
    if foreign or found.get("identity", about["identity"]) != about["identity"]:
        raise UsageError(
            f"{str(folder)!r} holds other results ({found.get('command', 'of another command')})",
            "choose another --out, or remove that folder",
        )
    if not found:
        mark.write_text(json.dumps({**about, "complete": False}, indent=2) + "\n", encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    """The record in a folder; {} where there is none, or a kill has left a part of one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
