"""What a run left behind: run.json and results.jsonl, read and held against their contract."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viz.core.errors import UsageError

SCHEMA = 1

RUN_KEYS = frozenset(
    """schema complete technique summary source settings command model preprocess labels_origin target score
    images skipped warnings notes versions seed device""".split()
)
DONE_KEYS = frozenset("name key status sha256 size box truth target predictions numbers warnings files".split())
FAILED_KEYS = frozenset("name key status reason".split())


@dataclass(frozen=True)
class RunFolder:
    """One run: its record, and one entry per image in the order of the images' names as written."""

    path: Path
    run: dict[str, Any]
    images: tuple[dict[str, Any], ...]

    @property
    def done(self) -> list[dict[str, Any]]:
        """The images with a result."""
        return [image for image in self.images if image["status"] == "done"]

    @property
    def failed(self) -> list[dict[str, Any]]:
        """The images with a reason instead."""
        return [image for image in self.images if image["status"] != "done"]


def read_run(folder: Path) -> RunFolder:
    """Read a run folder; the last line about an image counts. Raises `UsageError` naming what is wrong."""
    run = _json(folder / "run.json", _text(folder / "run.json"))
    if run.get("schema") != SCHEMA:
        raise UsageError(
            f"{str(folder / 'run.json')!r} has schema {run.get('schema')!r}, and this viz reads schema {SCHEMA}",
            "run the command again with this version, or open the report with the version that made it",
        )
    _require(run, RUN_KEYS, folder / "run.json")
    if run.get("shape") == "survey":  # its results are of units, not of images
        return RunFolder(folder, run, ())
    lines = _complete_lines(_text(folder / "results.jsonl"))
    entries = {}
    for number, line in enumerate(lines, start=1):
        entry = _entry(line, f"{folder / 'results.jsonl'}, line {number}")
        entries[entry["key"]] = entry
    return RunFolder(folder, run, tuple(entries[key] for key in sorted(entries)))


def _complete_lines(text: str) -> list[str]:
    """All lines that end; one without an end is what a killed run had begun to write."""
    # Not splitlines(): that also splits at U+2028, which JSON allows inside a string.
    return [line for line in text.split("\n")[:-1] if line.strip()]


def _entry(line: str, where: str) -> dict[str, Any]:
    entry = _json(where, line)
    _require(entry, DONE_KEYS if entry.get("status") == "done" else FAILED_KEYS, where)
    return entry


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(
            f"{str(path)!r} cannot be read: {problem}", "a report needs a run folder with run.json and results.jsonl"
        ) from None


def _json(where: Path | str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as problem:
        raise UsageError(f"{str(where)!r} is not JSON: {problem}", _AGAIN) from None
    if not isinstance(value, dict):
        raise UsageError(f"{str(where)!r} holds a {type(value).__name__}, not an object", _AGAIN)
    return value


def _require(record: dict[str, Any], keys: frozenset[str], where: Path | str) -> None:
    if missing := sorted(keys - record.keys()):
        raise UsageError(f"{str(where)!r} lacks {', '.join(missing)}", _AGAIN)


_AGAIN = "delete the run folder and run the command again"
