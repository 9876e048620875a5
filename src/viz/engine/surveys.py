"""Chunks of images folded into the state of a survey, on this machine."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from viz.core.adapter import Adapter
from viz.core.discovery import ImageFile
from viz.core.errors import ImageError
from viz.core.fingerprints import fingerprint
from viz.core.surveying import Plan, Seen, State
from viz.engine.listener import Listener
from viz.engine.loading import Loaded, Loader, read_ahead
from viz.engine.records import failed_record, short, truth_name
from viz.engine.run_folder import Record
from viz.engine.survey_store import SurveyStore


@dataclass(frozen=True, slots=True)  # there is one for every image of the run
class Numbered:
    """An image file and its place in the listing of the whole run."""

    index: int
    file: ImageFile


@dataclass(frozen=True)
class Chunk:
    """Images that share a call; its number is its place among the chunks of the whole run."""

    number: int
    files: tuple[Numbered, ...]


@dataclass(frozen=True)
class SurveyJob:
    """One survey over one model: what is the same for every image. `classes` are those of the plan."""

    technique: Any
    model: Adapter
    plan: Plan
    loader: Loader
    classes: tuple[str, ...]
    fail_fast: bool = False


@dataclass(frozen=True)
class Progress:
    """The state with some more chunks in it, and the records of their images."""

    chunks: tuple[int, ...]
    records: list[Record]
    state: State


# Folds chunks into a state, wherever that is done: gives the whole state again and again as it grows.
Gather = Callable[[SurveyJob, Sequence[Chunk], State], Iterator[Progress]]


def chunks_of(files: Sequence[ImageFile], size: int, share: tuple[int, int] = (1, 1)) -> list[Chunk]:
    """The chunks of a listing, or one shard's share of them.

    Which images share a chunk follows from the listing alone: only the same batches give the same bytes.
    """
    starts = range(0, len(files), size)
    chunks = [
        Chunk(number, tuple(Numbered(i, files[i]) for i in range(start, min(start + size, len(files)))))
        for number, start in enumerate(starts)
    ]
    return chunks[share[0] - 1 :: share[1]]


def gather_here(job: SurveyJob, chunks: Sequence[Chunk], state: State) -> Iterator[Progress]:
    """`Gather` on this machine, one chunk after the other; the next ones are being decoded meanwhile."""
    groups = ([numbered.file for numbered in chunk.files] for chunk in chunks)
    ahead = read_ahead(groups, lambda file: loaded_with_fingerprint(job.loader, file))
    for chunk, loaded in zip(chunks, ahead, strict=True):
        state, records = folded(job, loaded, state, [numbered.index for numbered in chunk.files])
        yield Progress((chunk.number,), records, state)


def loaded_with_fingerprint(loader: Loader, file: ImageFile) -> tuple[Loaded, int]:
    """An image ready for the model, without the photo itself, and its fingerprint."""
    loaded = loader.load(file, None, drawn=False)
    return loaded, 0 if loaded.pixels is None else fingerprint(loaded.pixels)


def folded(
    job: SurveyJob, loaded: Sequence[tuple[Loaded, int]], state: State, indices: Sequence[int]
) -> tuple[State, list[Record]]:
    """The state with a chunk's images in it, and their records. Raises `ImageError` with `fail_fast`."""
    seen, records = [], []
    for (one, number), index in zip(loaded, indices, strict=True):
        if one.pixels is None:
            assert one.failure is not None, "what is not decoded has a reason"
            if job.fail_fast:
                raise ImageError(f"{one.file.name}: {one.failure.problem}", "leave --fail-fast out to go on")
            records.append({"index": index, **failed_record(one.file, one.failure)})
            continue
        truth = truth_name(job.model, one.file.truth)
        seen.append(Seen(index, one.file.name, one.pixels, _class_index(job, truth), number))
        records.append(_done_record(one, index, truth))
    return (job.technique.add(job.model, job.plan, state, seen) if seen else state), records


def _class_index(job: SurveyJob, truth: str | None) -> int | None:
    return None if truth is None else job.classes.index(truth)


def _done_record(one: Loaded, index: int, truth: str | None) -> Record:
    assert one.box is not None, "a loaded image has the box that the model saw"
    return {
        "index": index,
        "name": one.file.name,
        "key": one.file.key,
        "status": "done",
        "sha256": one.sha256,
        "size": list(one.size),
        "box": [short(v) for v in (one.box.left, one.box.top, one.box.right, one.box.bottom)],
        "truth": truth,
    }


def carry_on(
    job: SurveyJob, chunks: Sequence[Chunk], size: int, store: SurveyStore, listener: Listener, gather: Gather
) -> State:
    """The state of all `chunks` of `size` images, continuing what the store holds; whatever happens, that is kept."""
    state, done = store.load() or (job.technique.begin(job.plan), [])
    store.keep_images(done, size)
    before = set(done)
    _tell_of(chunks, before, listener)
    reached = (state, len(done))  # one assignment: Ctrl-C between two would count a chunk twice, or never
    try:
        for progress in gather(job, [chunk for chunk in chunks if chunk.number not in before], state):
            store.add_images(progress.records)
            done.extend(progress.chunks)
            reached = (progress.state, len(done))
            store.save_sometimes(progress.state, done)
            for record in progress.records:
                listener.image(record, fresh=True)
    finally:
        store.save(reached[0], done[: reached[1]])
    store.sort_images()
    return reached[0]


def _tell_of(chunks: Sequence[Chunk], finished: set[int], listener: Listener) -> None:
    for chunk in chunks:
        if chunk.number in finished:
            for numbered in chunk.files:
                listener.image({"name": numbered.file.name, "status": "done"}, fresh=False)
