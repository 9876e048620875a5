"""What a survey left behind, read layer by layer: never all of its units at once."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from viz.core.errors import UsageError

Record = dict[str, Any]

SCHEMA = 1
EXTRAS = "microscope.json"
_AGAIN = "run viz patches again"


@dataclass(frozen=True)
class SurveyFolder:
    """A survey's folder and its run.json; `extras` is what was put beside the patches (`viz.microscope`), by layer."""

    path: Path
    run: Record
    extras: Mapping[str, Record]

    def layers(self) -> Iterator[tuple[Record, list[Record]]]:
        """Every layer's entry in run.json, with the records of its units, in order. Raises `UsageError`."""
        entries = {layer["name"]: layer for layer in self.run["layers"]}
        with (self.path / "results.jsonl").open(encoding="utf-8") as stream:
            for name, records in groupby(map(self._record, stream), lambda record: record["layer"]):
                if name not in entries:
                    raise UsageError(f"{str(self.path)!r}: run.json names no layer {name!r}", _AGAIN)
                yield entries.pop(name), list(records)
        for entry in entries.values():  # layers without units have no lines
            yield entry, []

    def _record(self, line: str) -> Record:
        try:
            record: Record = json.loads(line)
        except ValueError as problem:
            raise UsageError(f"{str(self.path / 'results.jsonl')!r} is broken: {problem}", _AGAIN) from None
        return record


def read_survey(folder: Path) -> SurveyFolder:
    """Read the folder of a finished survey. Raises `UsageError` for any other folder."""
    run = _json(folder / "run.json")
    if run.get("schema") != SCHEMA or run.get("shape") != "survey":
        found = f"a run of {run.get('technique', 'something else')}"
        raise UsageError(f"{str(folder)!r} holds {found}, schema {run.get('schema')}", "give a run of viz patches")
    if not run.get("complete"):
        raise UsageError(f"{str(folder)!r} is not finished", "the same command again continues it")
    if not (folder / "results.jsonl").is_file():
        raise UsageError(f"{str(folder)!r} has no results.jsonl", _AGAIN)
    extras = _json(folder / EXTRAS) if (folder / EXTRAS).exists() else {}
    return SurveyFolder(folder, run, extras)


def _json(path: Path) -> Record:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise UsageError(
            f"{str(path)!r} cannot be read: {problem}", "give the folder of a run of viz patches"
        ) from None
    if not isinstance(found, dict):
        raise UsageError(f"{str(path)!r} holds a {type(found).__name__}, not an object", _AGAIN)
    return found
