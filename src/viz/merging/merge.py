"""From the run folders of shards to one run folder."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viz.core.errors import ExitCode, UsageError
from viz.core.technique import find
from viz.engine.listener import Listener
from viz.engine.run_folder import Record, RunFolder
from viz.merging.image_runs import merged_images
from viz.merging.merged_record import merged_run
from viz.merging.shards import Shards, read_shards
from viz.merging.survey_runs import merged_survey


@dataclass(frozen=True)
class MergeSummary:
    """What a merge left: the folder, its run.json, and which shards are not in it, or not whole."""

    folder: Path
    run: Record
    missing: tuple[int, ...]
    unfinished: tuple[int, ...]
    count: int

    @property
    def exit_code(self) -> ExitCode:
        """0, or 4 where some images failed."""
        return ExitCode.SOME_IMAGES_FAILED if self.run["images"]["failed"] else ExitCode.DONE


def merge(
    folders: Sequence[str | Path],
    out: str | Path,
    partial: bool = False,
    command: str = "",
    listener: Listener | None = None,
    technique: type[Any] | None = None,
) -> MergeSummary:
    """Join the folders of runs that differ in `shard` and `out` alone into `out`, as a run without shards leaves it.

    Every file but run.json is the same to the last byte; the same command without `--shard` takes the folder for
    its own. `technique` is the class of one that is not registered. `partial` joins what there is: then run.json
    says what is missing, `complete` is false, and that command goes on from there. Raises `UsageError` for folders
    that do not belong together, and for missing, doubled and unfinished shards.
    """
    shards = read_shards([Path(folder) for folder in folders], partial)
    if any(Path(out).absolute() == shard.folder.absolute() for shard in shards.present):
        raise UsageError(f"--out {out} is one of the shards", "choose another folder for the whole")
    run = shards.first.run
    surveys = run.get("shape") == "survey"
    target = RunFolder(Path(out), run["identity_without_shard"], **({"folders": ()} if surveys else {}))
    if surveys:
        instance = _instance(technique or find(run["technique"]), run["settings"])
        failed = merged_survey(shards, instance, target, listener or Listener())
        record = merged_run(shards, command, failed, _layers(target))
    else:
        records = merged_images(shards, target)
        record = merged_run(shards, command, [one for one in records if one["status"] == "failed"], records=records)
    target.write_run(record)
    return _summary(target.path, record, shards)


def _instance(technique: type[Any], settings: Record) -> Any:
    return technique(**{name: tuple(v) if isinstance(v, list) else v for name, v in settings.items()})


def _layers(folder: RunFolder) -> list[Record]:
    found: list[Record] = json.loads((folder.path / "layers.json").read_text(encoding="utf-8"))
    return found


def _summary(folder: Path, run: Record, shards: Shards) -> MergeSummary:
    return MergeSummary(folder, run, tuple(shards.missing), tuple(shards.unfinished), shards.count)
