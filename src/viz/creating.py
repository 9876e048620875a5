"""One technique that makes images, over one model: a run folder that a second try continues."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from viz._run_identity import identity_of, own_targets, run_path
from viz._run_recording import Counting, Recording, RunSummary, described, score_read
from viz.core import images
from viz.core import options as opts
from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.discovery import Listing, find_images
from viz.core.errors import NoImages, UsageError
from viz.core.run_options import LookOptions, MakeOptions
from viz.core.technique import settings
from viz.engine.listener import Listener
from viz.engine.loading import Decode, Loader
from viz.engine.made_groups import Planned, in_share, planned
from viz.engine.made_overview import hand_out, overview_files
from viz.engine.making import MakingJob, make
from viz.engine.photo_files import PhotoFiles
from viz.engine.run_folder import Record, RunFolder

_FEW = 4  # names in a line


def create(
    technique: Any,
    model: Adapter,
    sources: Sequence[str | Path] = (),
    options: MakeOptions | LookOptions | None = None,
    listener: Listener | None = None,
    command: str | None = None,
    decode: Decode = images.read,
) -> RunSummary:
    """Run `technique` (an instance, with its options), which makes images, with the photos in `sources`.

    As `viz.runs.run`, which calls this: the folder is named by a hash of all that changes the result, and the
    same call again makes what is missing. Raises `NoImages`, `UsageError`, `ModelError`; a photo that cannot
    be used is recorded and the others go on. Ctrl-C keeps the best so far of what is being made.
    """
    asked, options = options, make_options(technique, options)
    check_make_options(technique, options)
    listing = given_photos(technique, sources)
    counting = Counting(listener or Listener())
    batched = BatchedAdapter(model, options.batch, counting.forwards)
    loader = Loader(model.preprocess, options.background_colour, options.max_pixels, decode)
    photos = PhotoFiles(listing.files, loader)
    groups = groups_of(technique, batched, photos, options)
    identity = identity_of(technique, model, sources, asked or options)
    folder = RunFolder(run_path(technique, model, sources, asked or options), identity)
    total = sum(map(len, groups))
    counting.started(total)
    said = described(technique, batched, options, command or shlex.join(sys.argv), identity, listing.skipped)
    recording = Recording(technique, batched, folder, counting, said | _aim(technique, batched), total, listing.skipped)
    job = MakingJob(technique, batched, photos, options.frames_kept, options.animation, options.fail_fast)
    try:
        return recording.carry_out(
            lambda: make(job, groups, folder, counting), lambda: _ending(technique, counting.records, folder)
        )
    finally:
        hand_out(options.animate, counting.records, total, folder)


def make_options(technique: Any, options: MakeOptions | LookOptions | None) -> MakeOptions:
    """The options of a maker's run; one that looks at the model alone has only a place for its results."""
    if technique.info.makes != "alone":
        return cast(MakeOptions, options) if options else MakeOptions()
    if not isinstance(options, LookOptions | None):
        name = technique.info.name
        raise UsageError(f"{name} looks at the model alone: its options are LookOptions", "LookOptions(out=…)")
    return MakeOptions(out=options.out if options else None)


def check_make_options(technique: Any, options: MakeOptions) -> None:
    """Raise `UsageError` for options that cannot be used, whatever the model."""
    if not isinstance(options, MakeOptions):
        name = technique.info.name
        raise UsageError(f"{name} makes images: its options are MakeOptions", "MakeOptions(out=…, frames=…)")
    opts.check(MakeOptions, asdict(options))
    _ = options.batch, options.background_colour, options.share, options.animation


def given_photos(technique: Any, sources: Sequence[str | Path]) -> Listing:
    """The photos that a maker is given. Raises `NoImages` where it needs some and there are none, or takes none."""
    if sources and technique.info.makes == "alone":
        name = technique.info.name
        raise UsageError(f"{name} looks at the model alone and takes no photos", f"viz {name} --model M")
    if sources:
        return find_images(sources)
    if technique.info.makes == "required":
        name = technique.info.name
        raise NoImages(f"{name} needs photos to make its images from", f"viz {name} --model M PHOTO.jpg")
    return Listing(())


def groups_of(technique: Any, model: Adapter, photos: PhotoFiles, options: MakeOptions) -> list[list[Planned]]:
    """What a run makes: the maker's pieces, within `--limit` and `--shard`. Raises `UsageError`."""
    return in_share(planned(technique.pieces(model, photos)), options.limit, options.share)


def _aim(technique: Any, model: Adapter) -> Record:
    """What the images are made for, as far as options say it in words; else the pictures will."""
    score = str(settings(technique).get("score", "auto"))
    return {"target": ", ".join(own_targets(technique)), "score": score_read(model, score)}


def _ending(technique: Any, records: Sequence[Record], folder: RunFolder) -> Record:
    """What run.json has besides, from the pictures that there are."""
    pictures = {"pictures": overview_files(technique, records, folder)}
    return pictures if own_targets(technique) else {**pictures, "target": _labels(records)}


def _labels(records: Sequence[Record]) -> str:
    """What pictures were measured by."""
    labels = list(dict.fromkeys(record["target"]["label"] for record in records if record["status"] == "done"))
    more = f" and {len(labels) - _FEW} more" if len(labels) > _FEW else ""
    return ", ".join(label for label in labels[:_FEW] if label) + more
