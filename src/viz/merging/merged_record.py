"""run.json of a merged run: what a run without shards says of itself, and which shards it came from."""

from collections.abc import Sequence
from typing import Any

from viz._run_recording import common_warnings
from viz.engine.run_folder import Record
from viz.merging.image_runs import records_of
from viz.merging.shards import Shard, Shards

_MOST_FAILURES = 1000  # of a survey; all are in images.jsonl


def merged_run(
    shards: Shards,
    command: str,
    failed: Sequence[Record],
    layers: Sequence[Record] | None = None,
    records: Sequence[Record] = (),
) -> Record:
    """run.json; `layers` are those of a survey, `records` those of any other run."""
    first = shards.first.run
    reasons = [{"name": record["name"], "reason": record["reason"]} for record in failed]
    own = [text for one in layers for text in one["warnings"]] if layers is not None else common_warnings(records)
    return {
        **first,
        "identity": first["identity_without_shard"],
        "options": {**first["options"], "shard": None, "out": None},
        "command": command or first["command"],
        "complete": shards.whole,
        "images": _images(shards),
        "failures": reasons if layers is None else reasons[:_MOST_FAILURES],
        "notes": _together("notes", shards),
        "warnings": [*_of_the_model(shards), *own],
        "timings": _timings(shards),
        "shards": _said_of_shards(shards),
        **({} if layers is None else {"layers": list(layers)}),
    }


def _images(shards: Shards) -> dict[str, int]:
    parts = [shard.run["images"] for shard in shards.present]
    counted = {name: sum(part[name] for part in parts) for name in ("done", "failed")}
    return {"found": shards.first.run["listing"]["count"], **counted}


def _together(name: str, shards: Shards) -> list[str]:
    return list(dict.fromkeys(text for shard in shards.present for text in shard.run[name]))


def _of_the_model(shards: Shards) -> list[str]:
    """Warnings besides those that count images, or are about what a survey's share of the images shows."""
    own = {text for shard in shards.present for text in _own_warnings(shard)}
    return [text for text in _together("warnings", shards) if text not in own]


def _own_warnings(shard: Shard) -> list[str]:
    if "layers" in shard.run:
        return [text for one in shard.run["layers"] for text in one["warnings"]]
    return common_warnings(records_of(shard))


def _timings(shards: Shards) -> dict[str, Any]:
    """Of all shards together, as if one after the other."""
    names = ("seconds", "forward_passes", "images_reused")
    return {name: round(sum(shard.run["timings"][name] for shard in shards.present), 3) for name in names}


def _said_of_shards(shards: Shards) -> dict[str, Any]:
    commands = {f"{shard.which}/{shards.count}": shard.run["command"] for shard in shards.present}
    return {"count": shards.count, "commands": commands, "missing": shards.missing, "unfinished": shards.unfinished}
