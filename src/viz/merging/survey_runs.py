"""Shards of a survey: their states merged, the lines of their images joined, and the findings of all written."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from viz._run_identity import names_digest
from viz.core.discovery import ImageFile, find_images
from viz.core.errors import UsageError, VizError
from viz.core.preprocess import Preprocess
from viz.core.run_options import SurveyOptions
from viz.engine.listener import Listener
from viz.engine.loading import Loader
from viz.engine.run_folder import Record, RunFolder
from viz.engine.survey_store import SurveyStore, read_state
from viz.merging.json_lines import lines_of
from viz.merging.shards import Shard, Shards
from viz.surveying import write_findings


def merged_survey(shards: Shards, technique: Any, out: RunFolder, listener: Listener) -> list[Record]:
    """Write state.npz, images.jsonl and the findings; gives the records of images that failed.

    Raises `UsageError` where the images are not there: the patches are cut out of them.
    """
    run = shards.first.run
    files = _listed_again(run)
    store = SurveyStore(out)
    store.clear()
    state, chunks = technique.begin(run["plan"]), []
    failed: list[Record] = []
    for shard in shards.present:
        found = read_state(shard.folder)
        if found is None:
            continue
        state = technique.merge(run["plan"], state, found[0])
        chunks += found[1]
        for record in _images(shard, found[1]):
            store.add_images([record])
            failed += [record] if record["status"] == "failed" else []
    store.save(state, chunks)
    store.sort_images()
    write_findings(technique, run["plan"], state, files, _loader(run), out, listener)
    return sorted(failed, key=lambda record: int(record["index"]))


def _listed_again(run: Record) -> Sequence[ImageFile]:
    """The whole listing; raises `UsageError` where it is not the one that the shards were made of."""
    advice = "merge where the images are, at the same place"
    try:
        files = find_images(run["sources"], run["options"]["limit"]).files
    except VizError as problem:
        raise UsageError(f"the images of these shards cannot be listed: {problem.problem}", advice) from None
    if names_digest(files) != run["listing"]["names"]:
        raise UsageError(
            f"{', '.join(run['sources'])} hold other images than when the shards were made "
            f"({len(files)}, then {run['listing']['count']})",
            advice,
        )
    return files


def _images(shard: Shard, chunks: Sequence[int]) -> Iterator[Record]:
    """Lines of images that are in the state."""
    wanted = np.zeros(max(chunks, default=0) + 1, bool)
    wanted[list(chunks)] = True
    for record in lines_of(shard.folder / "images.jsonl"):
        chunk = record["index"] // shard.run["images_together"]
        if chunk < len(wanted) and wanted[chunk]:
            yield record


def _loader(run: Record) -> Loader:
    told = {name: value for name, value in run["preprocess"].items() if name != "text"}
    said: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in told.items()}
    given = {name: run["options"][name] for name in ("background", "max_pixels")}
    options = SurveyOptions(**given)
    return Loader(Preprocess(**said), options.background_colour, options.max_pixels)
