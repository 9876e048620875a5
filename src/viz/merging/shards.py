"""Run folders that are shares of one run: read, and held against each other before anything is written."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viz.core.errors import UsageError
from viz.core.run_options import ImageOptions
from viz.engine.run_folder import SCHEMA, Record

_NEEDED = ("identity_without_shard", "images_together", "sources", "listing", "options", "complete")


@dataclass(frozen=True)
class Shard:
    """One share of a run: its folder, its run.json, and which share it is (counted from 1)."""

    folder: Path
    run: Record
    which: int
    count: int

    @property
    def complete(self) -> bool:
        """Whether it has all of its images."""
        return bool(self.run["complete"])


@dataclass(frozen=True)
class Shards:
    """All shares that were given, by number, of one run; which are missing and which are not complete."""

    present: tuple[Shard, ...]
    count: int

    @property
    def first(self) -> Shard:
        """One that stands for all where they agree."""
        return self.present[0]

    @property
    def missing(self) -> list[int]:
        """Numbers of the shares that were not given."""
        there = {shard.which for shard in self.present}
        return [which for which in range(1, self.count + 1) if which not in there]

    @property
    def unfinished(self) -> list[int]:
        """Numbers of the shares that have not come to their end."""
        return [shard.which for shard in self.present if not shard.complete]

    @property
    def whole(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing and not self.unfinished


def read_shards(folders: Sequence[Path], partial: bool) -> Shards:
    """The shares in these folders. Raises `UsageError` naming those that do not fit together, or are not there."""
    shards = [_read(folder) for folder in folders]
    if not shards:
        raise UsageError("there is nothing to merge", "viz merge RUN RUN… --out DIR")
    for shard in shards[1:]:
        _check_same_run(shards[0], shard)
    for which in {shard.which for shard in shards}:
        same = [str(shard.folder) for shard in shards if shard.which == which]
        if len(same) > 1:
            raise UsageError(f"{' and '.join(same)} are both shard {which}/{shards[0].count}", "give each shard once")
    found = Shards(tuple(sorted(shards, key=lambda shard: shard.which)), shards[0].count)
    if not partial:
        _check_whole(found)
    return found


def _read(folder: Path) -> Shard:
    try:
        run: Any = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise UsageError(f"{str(folder)!r} is no run folder: {problem}", "viz merge RUN RUN… --out DIR") from None
    if run.get("schema") != SCHEMA or any(name not in run for name in _NEEDED):
        more = " of a technique that makes images" if "pictures" in run else " of another version of viz"
        raise UsageError(
            f"{str(folder)!r} holds a run{more}, which cannot be merged",
            "run its shards again with this version" if "pictures" not in run else "each shard is a run of its own",
        )
    if run["options"].get("shard") is None:
        raise UsageError(f"{str(folder)!r} holds a whole run, not a shard", "leave it out: there is nothing to join")
    which, count = ImageOptions(shard=run["options"]["shard"]).share
    return Shard(folder, run, which, count)


def _check_same_run(one: Shard, other: Shard) -> None:
    """Raise `UsageError` naming the first thing in which two folders differ besides the shard."""
    asked: list[tuple[str, Any, Any]] = [("number of shards", one.count, other.count)]
    asked += [(n, one.run.get(n), other.run.get(n)) for n in ("technique", "settings", "sources", "target", "score")]
    asked += [("model", _model(one), _model(other)), ("preprocessing", _seen(one), _seen(other))]
    asked += [("images", one.run["listing"]["names"], other.run["listing"]["names"])]
    asked += [("options", one.run["identity_without_shard"], other.run["identity_without_shard"])]
    for name, here, there in asked:
        if here != there:
            said = "" if name in ("images", "options", "preprocessing") else f" ({_short(here)} and {_short(there)})"
            raise UsageError(
                f"{one.folder} and {other.folder} are no shards of one run: their {name} differ{said}",
                "merge the folders of one command that differ in --shard and --out alone",
            )


def _model(shard: Shard) -> str:
    model = shard.run["model"]
    return f"{model['name']} {model['sha256'][:12]}"


def _seen(shard: Shard) -> dict[str, Any]:
    return {name: value for name, value in shard.run["preprocess"].items() if name != "origin"}


def _check_whole(found: Shards) -> None:
    instead = "--partial merges what there is"
    if found.missing:
        names = ", ".join(f"{which}/{found.count}" for which in found.missing)
        raise UsageError(f"shard(s) {names} are missing", f"run them, or {instead}")
    if found.unfinished:
        first = next(shard for shard in found.present if not shard.complete)
        names = ", ".join(f"{which}/{found.count}" for which in found.unfinished)
        raise UsageError(
            f"shard(s) {names} have not come to their end", f"run them again ({first.run['command']}), or {instead}"
        )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:80] + "…"
