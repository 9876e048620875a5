"""Shards of a per-image technique: the images' files linked, their records in the order of the whole listing."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from viz.core.errors import UsageError
from viz.core.listing_rules import natural_path
from viz.engine.patch_evidence import PLAN_FILE
from viz.engine.run_folder import Record, RunFolder
from viz.merging.json_lines import lines_of
from viz.merging.shards import Shard, Shards


def merged_images(shards: Shards, out: RunFolder) -> list[Record]:
    """Bring all files over and write results.jsonl; gives the records. Raises `UsageError` where some are missing."""
    by_shard = {shard.which: records_of(shard) for shard in shards.present}
    records = list(_in_turns(by_shard, shards)) if shards.whole else _by_name(by_shard)
    for shard in shards.present:
        for record in by_shard[shard.which]:
            for name in record.get("files", {}).values():
                _bring(shard.folder / name, out.path / name)
    plans = next((file for shard in shards.present if (file := shard.folder / PLAN_FILE).is_file()), None)
    if plans is not None:
        _bring(plans, out.path / PLAN_FILE)
    out.rewrite(records)
    return records


def records_of(shard: Shard) -> list[Record]:
    """The last record of each image that is there with its files, in order."""
    path = shard.folder / "results.jsonl"
    records = {record["name"]: record for record in lines_of(path)} if path.exists() else {}
    for record in records.values():
        for name in record.get("files", {}).values():
            if not (shard.folder / name).is_file():
                raise UsageError(
                    f"{shard.folder / name} is not there", "run that shard again: it makes what is missing"
                )
    return list(records.values())


def _in_turns(by_shard: dict[int, list[Record]], shards: Shards) -> Iterator[Record]:
    """Shards took turns in chunks of images; see `viz.engine.loading.in_share`."""
    together, total = shards.first.run["images_together"], shards.first.run["listing"]["count"]
    for number in range(-(-total // together)):
        records, turn = by_shard[number % shards.count + 1], number // shards.count
        yield from records[turn * together : (turn + 1) * together]


def _by_name(by_shard: dict[int, list[Record]]) -> list[Record]:
    """The order of a folder's images, where some are missing and places are not known."""
    records = [record for some in by_shard.values() for record in some]
    return sorted(records, key=lambda record: natural_path(PurePosixPath(record["name"])))


def _bring(source: Path, target: Path) -> None:
    """The same file under another name, without a copy where the file system can do that."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    with suppress(FileNotFoundError):
        temporary.unlink()
    try:
        os.link(source, temporary)
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, temporary)
    temporary.replace(target)
