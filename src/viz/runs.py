"""One technique over one model and many images: a run folder that a second try continues."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from viz._run_identity import identity_of, run_path, share_facts
from viz._run_recording import Counting, Recording, RunSummary, described, score_read
from viz.core import images
from viz.core import options as opts
from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.discovery import find_images
from viz.core.errors import UsageError
from viz.core.run_options import AnyOptions, EngineOptions, LookOptions, MakeOptions, RunOptions, SurveyOptions
from viz.core.target import ScoreKind, check_target
from viz.creating import create
from viz.engine.job import Job
from viz.engine.listener import Listener
from viz.engine.loading import Decode, Loader, in_share
from viz.engine.local import process
from viz.engine.run_folder import RunFolder
from viz.engine.surveys import gather_here
from viz.models import open_model
from viz.surveying import SurveySummary, survey

if TYPE_CHECKING:
    from viz.engine.ray import Cluster

__all__ = ["Listener", "RunSummary", "SurveySummary", "run", "run_path"]


def run(
    technique: Any,
    model: Adapter,
    sources: Sequence[str | Path] = (),
    options: AnyOptions | None = None,
    listener: Listener | None = None,
    command: str | None = None,
    decode: Decode = images.read,
) -> RunSummary | SurveySummary:
    """Run `technique` (an instance, with its options) over the images in `sources`; results go to a folder.

    The folder is named by a hash of all that changes the result, so the same call again continues
    where an earlier one stopped, and another one never mixes with it. Raises `NoImages`, `UsageError`,
    `ModelError`; a bad image is recorded and the others go on (`RunSummary.failed`). `decode` reads image
    files: `SharedPhotos.read` for runs that share their photos. A technique that makes images takes
    `MakeOptions`, and may need no sources (`LookOptions` where it takes none); one that looks at a whole folder
    takes `SurveyOptions`, and any other `RunOptions`.
    """
    if technique.info.surveys:
        asked = cast(SurveyOptions | None, options)
        elsewhere = _cluster(technique, model, asked)
        gather = elsewhere.gather if elsewhere else gather_here
        return survey(technique, model, sources, asked, listener, command, decode, gather)
    if technique.info.makes:
        made = cast(MakeOptions | LookOptions | None, options)
        return create(technique, model, sources, made, listener, command, decode)
    if not isinstance(options, RunOptions | None):
        name = technique.info.name
        raise UsageError(f"{name} explains images: its options are RunOptions", "RunOptions(target=…, out=…)")
    options = options or RunOptions()
    opts.check(RunOptions, asdict(options))
    options.check_engine()
    whole = find_images(sources, options.limit)
    listing = replace(whole, files=in_share(whole.files, options.share, technique.info.images_per_call))
    check_target(options.target, model, cast(ScoreKind, options.score))
    elsewhere = _cluster(technique, model, options)
    identity = identity_of(technique, model, sources, options)
    folder = RunFolder(run_path(technique, model, sources, options), identity)
    counting = Counting(listener or Listener())
    counting.started(len(listing.files))
    batched = BatchedAdapter(model, options.batch, counting.forwards)
    loader = Loader(model.preprocess, options.background_colour, options.max_pixels, decode)
    job = Job(technique, batched, options.target, cast(ScoreKind, options.score), loader, options.fail_fast)
    said = described(technique, batched, options, command or shlex.join(sys.argv), identity, listing.skipped)
    said |= {"target": options.target, "score": score_read(batched, options.score)}
    said |= share_facts(technique, model, sources, options, whole.files)
    recording = Recording(technique, batched, folder, counting, said, len(listing.files), listing.skipped)
    work = elsewhere.process if elsewhere else process
    return recording.carry_out(lambda: work(job, listing.files, folder, counting))


def _cluster(technique: Any, model: Adapter, options: EngineOptions | None) -> "Cluster | None":
    """The Ray cluster that does the work; None where it is done here. Raises `UsageError`, `NotSupported`."""
    if not isinstance(options, EngineOptions) or options.engine == "local":
        return None
    from viz.engine.ray import cluster

    return cluster(model, technique.info.needs_gradient, open_model, options)
