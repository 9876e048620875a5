"""What is written of a survey into run.json, and what its caller is told."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from viz.core.discovery import ImageFile
from viz.core.errors import ExitCode
from viz.core.remote_paths import is_remote_path
from viz.engine.listener import Relay
from viz.engine.run_folder import Record, RunFolder
from viz.engine.survey_store import SurveyStore
from viz.engine.surveys import SurveyJob

_MOST_FAILURES = 1000  # listed in run.json; all are in images.jsonl


@dataclass(frozen=True)
class SurveySummary:
    """What a survey left: its folder, and how it went. Its results, a record per unit, are read when asked for."""

    folder: Path
    done: int
    failed: tuple[Record, ...]
    skipped: tuple[str, ...]
    notes: list[str]
    reused: int
    forwards: int
    seconds: float

    @cached_property
    def records(self) -> list[Record]:
        """One record per unit, in order of the layers."""
        return list(lines_of(self.folder / "results.jsonl"))

    @property
    def exit_code(self) -> ExitCode:
        """0, or 4 where some images failed."""
        return ExitCode.SOME_IMAGES_FAILED if self.failed else ExitCode.DONE


def listing_digests(files: Sequence[ImageFile]) -> dict[str, Any]:
    """What tells one listing from another: by names, the same on every machine, and by files, which also notices
    one that was changed."""
    names, states = hashlib.sha256(), hashlib.sha256()
    for file in files:
        names.update(file.name.encode() + b"\n")
        states.update(f"{file.name}\n{_state_of(file)}\n".encode())
    return {"count": len(files), "names": names.hexdigest(), "files": states.hexdigest()}


def _state_of(file: ImageFile) -> str:
    if is_remote_path(file.path):
        return file.state
    try:
        state = file.path.stat()
    except (OSError, ValueError):  # it will be a failed image
        return ""
    return f"{state.st_size} {state.st_mtime}"


def lines_of(path: Path) -> Iterator[Record]:
    """The records of a file of JSON lines."""
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


@dataclass
class SurveyRecording:
    """run.json of a survey, before and after the work."""

    job: SurveyJob
    folder: RunFolder
    said: Record
    total: int
    counted: Relay
    complete: bool = False
    failures: list[Record] = field(default_factory=list)

    def begin(self) -> Record:
        """Write run.json; returns what an earlier attempt left, {} where that cannot be continued."""
        before = self.folder.run()
        changed = before.get("listing") != self.said["listing"] or before.get("plan") != self.said["plan"]
        if before and changed:
            self.job.model.note("images were added or changed since the last attempt: all are looked at again")
        if changed:
            SurveyStore(self.folder).clear()
            before = {}
        self.folder.write_run({**self.said, **self._progress()})
        return before

    def whole(self, before: Mapping[str, Any]) -> bool:
        """Whether an earlier attempt has done everything, and all of it is still there."""
        results = self.folder.path / "results.jsonl"
        self.complete = bool(before.get("complete")) and results.exists() and self._has_files(results)
        return self.complete

    def _has_files(self, results: Path) -> bool:
        names = {name for record in lines_of(results) for name in record.get("files", {}).values()}
        return all((self.folder.path / name).is_file() for name in names)

    def end(self, before: Mapping[str, Any], seconds: float) -> Record:
        """Write run.json as it is now."""
        self.failures = self._failed()
        run = {**self.said, **self._progress()}
        run["notes"] = list(dict.fromkeys([*run["notes"], *before.get("notes", [])]))
        counted = {"forward_passes": self.counted.passes, "images_reused": self.counted.reused}
        run["timings"] = {"seconds": round(seconds, 3), **counted}
        self.folder.write_run(run)
        return run

    def _failed(self) -> list[Record]:
        lines = self.folder.path / "images.jsonl"
        found = lines_of(lines) if lines.exists() else iter(())
        return [record for record in found if record["status"] == "failed"]

    def _progress(self) -> Record:
        failed = [{"name": r["name"], "reason": r["reason"]} for r in self.failures]
        done = self.total if self.complete else self.counted.settled
        layers = self.folder.path / "layers.json"
        facts = json.loads(layers.read_text(encoding="utf-8")) if self.complete and layers.exists() else []
        model = self.job.model
        return {
            "complete": self.complete,
            "images": {"found": self.total, "done": done - len(failed), "failed": len(failed)},
            "failures": failed[:_MOST_FAILURES],
            "notes": list(model.notes),
            "warnings": [*model.warnings, *(text for one in facts for text in one["warnings"])],
            "layers": facts,
        }
