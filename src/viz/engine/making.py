"""Groups of images through a maker, one after the other: each picture saved, read back and shown to the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.making import GivenPhoto
from viz.engine.listener import Listener
from viz.engine.made_groups import Planned, finished
from viz.engine.made_pictures import Made, checked, record_of, save, seen
from viz.engine.photo_files import PhotoFiles
from viz.engine.records import Record, failed_record
from viz.engine.run_folder import RunFolder
from viz.engine.watching import RunWatch


@dataclass(frozen=True)
class MakingJob:
    """One maker over one model: what is the same for every picture."""

    technique: Any
    model: Adapter
    photos: PhotoFiles
    frames: int = 0
    animation: str = ""
    fail_fast: bool = False


def make(job: MakingJob, groups: Sequence[Sequence[Planned]], folder: RunFolder, listener: Listener) -> list[Record]:
    """Make what is not there yet. Returns one record per piece, in order.

    A piece that cannot be made is a failed record, and the others go on. Raises `ModelError` where the
    model fails, `ImageError` for the first failed piece with `fail_fast`, and `KeyboardInterrupt` after the
    best so far of an interrupted optimization has been saved; what was finished stays in the folder.
    """
    before, settled = folder.records(), []
    for group in groups:
        records = finished(group, before, folder, job.photos)
        watch = RunWatch(listener, job.frames)
        fresh = not records
        if fresh:
            records = _made_group(job, group, folder, watch)
            folder.append(records)
        settled += records
        for record in records:
            listener.image(record, fresh)
        if watch.interrupted:
            raise KeyboardInterrupt
        _stop_at_failure(job, records)
    return settled


def _made_group(job: MakingJob, group: Sequence[Planned], folder: RunFolder, watch: RunWatch) -> list[Record]:
    """The records of a group, in order, once all its files are written."""
    job.photos.read.clear()
    photos = {
        index: job.photos.attempt(index)
        for index in dict.fromkeys(one.piece.photo for one in group)
        if index is not None
    }
    outcomes = _outcomes(job, group, photos, watch)
    made = [one for one in outcomes if isinstance(one, Made)]
    done = iter(_saved(job, made, folder, watch) if made else ())
    records = [
        _failed(one, outcome, photos) if isinstance(outcome, ImageError) else next(done)
        for one, outcome in zip(group, outcomes, strict=True)
    ]
    return _marked(records, group, job.photos, watch)


def _outcomes(
    job: MakingJob, group: Sequence[Planned], photos: dict[int, GivenPhoto | ImageError], watch: RunWatch
) -> list[Made | ImageError]:
    """A picture for each piece, or why there is none; the pieces of bad photos are left out of the making."""
    given = [None if one.piece.photo is None else photos[one.piece.photo] for one in group]
    good = [(one, photo) for one, photo in zip(group, given, strict=True) if not isinstance(photo, ImageError)]
    made = iter(_called(job, good, watch) if good else ())
    return [photo if isinstance(photo, ImageError) else next(made) for photo in given]


def _called(
    job: MakingJob, good: Sequence[tuple[Planned, GivenPhoto | None]], watch: RunWatch
) -> list[Made | ImageError]:
    """What the maker gives for pieces with their photos."""
    pieces, photos = [one.piece for one, _ in good], [photo for _, photo in good]
    pictures = job.technique(job.model, pieces, photos, job.photos, watch)
    return [
        picture if isinstance(picture, ImageError) else checked(Made(one, photo, picture))
        for (one, photo), picture in zip(good, pictures, strict=True)
    ]


def _saved(job: MakingJob, made: Sequence[Made], folder: RunFolder, watch: RunWatch) -> list[Record]:
    """Write the pictures, and measure what was written."""
    written = [save(folder, one, job.animation) for one in made]
    paths = [folder.path / files["picture"] for files, _ in written]
    for_the_model = job.technique.info.makes != "alone"
    looks = seen(job.model, paths, [one.picture.target for one in made], for_the_model)
    stopped = [watch.stopped] if watch.stopped else []
    return [
        record_of(job.model, one, look, files, [*warnings, *stopped])
        for one, look, (files, warnings) in zip(made, looks, written, strict=True)
    ]


def _failed(one: Planned, problem: ImageError, photos: dict[int, GivenPhoto | ImageError]) -> Record:
    photo = None if one.piece.photo is None else photos[one.piece.photo]
    sha256 = {"sha256": photo.photo.sha256} if isinstance(photo, GivenPhoto) else {}
    return {**failed_record(one, problem), **sha256, "row": one.piece.row, "column": one.piece.column}


def _marked(records: list[Record], group: Sequence[Planned], photos: PhotoFiles, watch: RunWatch) -> list[Record]:
    """Records that also say whether they are to be made again, and of which photos besides their own they came."""
    if watch.interrupted:
        records = [{**record, "unfinished": True} for record in records]
    own = {photos.names[one.piece.photo] for one in group if one.piece.photo is not None}
    if others := {name: sha256 for name, sha256 in photos.read.items() if name not in own}:
        records[0] = {**records[0], "other_photos": others}
    return records


def _stop_at_failure(job: MakingJob, records: Sequence[Record]) -> None:
    failed = next((record for record in records if record["status"] == "failed"), None)
    if job.fail_fast and failed is not None:
        raise ImageError(f"{failed['name']}: {failed['reason']}", "leave --fail-fast out to go on with the others")
