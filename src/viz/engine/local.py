"""The local engine: chunks of images through a technique on this machine, drawn and saved in a thread behind it."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from viz.core.adapter import Adapter
from viz.core.discovery import ImageFile
from viz.core.errors import ImageError, UsageError
from viz.core.forward_difference import forward_differences
from viz.core.result import FloatArray, Result
from viz.core.target import Target, ranked_classes, targets_or_problems
from viz.engine.job import Job
from viz.engine.listener import Listener
from viz.engine.loading import Loaded, read_ahead
from viz.engine.records import done_record, failed_record
from viz.engine.run_folder import Files, Record, RunFolder, chunks
from viz.engine.saving import save


def process(job: Job, files: Sequence[ImageFile], folder: RunFolder, listener: Listener) -> list[Record]:
    """Run `job` over `files`, continuing what `folder` holds. Returns one record per file, in order.

    Raises `ModelError` where the model fails, and `ImageError` for the first bad image with `fail_fast`;
    whatever was finished before stays in the folder.
    """
    groups = chunks(files, job.technique.info.images_per_call)
    before = finished(folder, groups)
    settled: dict[str, Record] = {}
    with ThreadPoolExecutor(1, "viz-save") as writer:
        waiting: list[Future[list[Record]]] = []
        for loaded in read_ahead(groups, lambda file: job.loader.load(file, _sha256(before, file))):
            waiting.append(_submit(job, loaded, before, folder, writer))
            while len(waiting) > 1:  # at most one chunk waits to be drawn while the next one runs
                settle(waiting.pop(0).result(), before, settled, listener)
            stop_at_failure(job, settled)
        for future in waiting:
            settle(future.result(), before, settled, listener)
        stop_at_failure(job, settled)
    return [settled[file.name] for file in files]


def finished(folder: RunFolder, groups: Sequence[Sequence[ImageFile]]) -> dict[str, Record]:
    """Records that still hold. A chunk of which some are missing was cut off: all of it is done again.

    Its images share batches, and only the same batches give the same bytes.
    """
    records = folder.records()
    whole = [group for group in groups if all(file.name in records for file in group)]
    found = {file.name: records[file.name] for group in whole for file in group}
    return {name: r for name, r in found.items() if r["status"] == "failed" or folder.has_files_of(r)}


def _sha256(before: dict[str, Record], file: ImageFile) -> str | None:
    return before.get(file.name, {}).get("sha256")


def _submit(
    job: Job, loaded: Sequence[Loaded], before: dict[str, Record], folder: RunFolder, writer: ThreadPoolExecutor
) -> "Future[list[Record]]":
    """Run the model on what is new in a chunk; drawing and saving go to the writer."""
    return writer.submit(commit, job, loaded, outcomes_of(job, loaded), before, folder)


Outcome = tuple[Record, Result] | ImageError


def outcomes_of(job: Job, loaded: Sequence[Loaded]) -> dict[str, Any]:
    """What came of each image of a chunk that was not done before, by its name."""
    outcomes = _computed(job, [item for item in loaded if item.pixels is not None and item.failure is None])
    return outcomes | {item.file.name: item.failure for item in loaded if item.failure is not None}


def _computed(job: Job, loaded: Sequence[Loaded]) -> dict[str, Any]:
    """Results by image name; an image whose own target is unknown or not there is a failure of that image only."""
    outcomes: dict[str, Any] = {}
    if job.target == "label":
        outcomes = {i.file.name: problem for i in loaded if (problem := _unknown_label(job.model, i.file.truth))}
        loaded = [i for i in loaded if i.file.name not in outcomes]
    if not loaded:
        return outcomes
    images = np.stack([item.pixels for item in loaded if item.pixels is not None])
    images.flags.writeable = False  # the classes are ranked and the technique starts from the same clean pass
    order, probabilities = _ranking(job.model, images)
    found = targets_or_problems(job.target, job.model, images, job.score, [i.file.truth for i in loaded], order)
    if any(isinstance(one, ImageError) for one in found):  # no such box or mask here: the others are done without it
        bad = {item.file.name: one for item, one in zip(loaded, found, strict=True) if isinstance(one, ImageError)}
        return outcomes | bad | _computed(job, [item for item in loaded if item.file.name not in bad])
    targets = [one for one in found if isinstance(one, Target)]
    results = job.technique(job.model, images, targets)
    gaps = forward_differences(job.model, images, targets, results) if job.technique.info.needs_gradient else None
    for i, (item, target, result) in enumerate(zip(loaded, targets, results, strict=True)):
        if isinstance(result, ImageError):
            outcomes[item.file.name] = result
            continue
        top = None if order is None or probabilities is None else (order[i, :5], probabilities[i])
        gap = None if gaps is None else gaps[i]
        outcomes[item.file.name] = (done_record(job.model, item, target, top, result, gap), result)
    return outcomes


def _ranking(model: Adapter, images: FloatArray) -> tuple[Any, Any]:
    return ranked_classes(model, images) if model.scores else (None, None)


def _unknown_label(model: Adapter, truth: str | None) -> ImageError | None:
    if truth is None:
        next_step = "put a labels.json beside the images, or use another --target"
        return ImageError("its true class is not known", next_step)
    if model.scores is not None:
        try:
            model.labels.index(truth, model.scores.classes)
        except UsageError as problem:
            return ImageError(f"its true class is not one of the model's: {problem.problem}", problem.next_step)
    return None


def commit(
    job: Job, loaded: Sequence[Loaded], outcomes: dict[str, Any], before: dict[str, Record], folder: Files
) -> list[Record]:
    """Draw and save a chunk, then add its records in one write."""
    records, new = [], []
    for item in loaded:
        outcome = outcomes.get(item.file.name)
        if outcome is None:
            records.append(before[item.file.name])
            continue
        if isinstance(outcome, ImageError):
            record = failed_record(item.file, outcome)
        else:
            record, result = outcome
            save(folder, item, result, job)
        records.append(record)
        if record != before.get(item.file.name):
            new.append(record)
    if new:
        folder.append(new)
    return records


def settle(
    records: Sequence[Record], before: dict[str, Record], settled: dict[str, Record], listener: Listener
) -> None:
    """Note the records of a chunk, and tell of them."""
    for record in records:
        settled[record["name"]] = record
        listener.image(record, fresh=before.get(record["name"]) is not record)


def stop_at_failure(job: Job, settled: dict[str, Record]) -> None:
    """Raise `ImageError` where an image has failed, and that is to be the end."""
    failed = next((r for r in settled.values() if r["status"] == "failed"), None)
    if job.fail_fast and failed is not None:
        raise ImageError(f"{failed['name']}: {failed['reason']}", "leave --fail-fast out to go on with the others")
