"""One survey over one model and many images: a run folder that a second try continues, and shards can be joined to."""

import json
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from viz._run_identity import identity_of, run_path, share_facts
from viz._run_recording import described
from viz._survey_recording import SurveyRecording, SurveySummary, listing_digests
from viz.core import images
from viz.core import options as opts
from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.discovery import ImageFile, find_images
from viz.core.errors import UsageError
from viz.core.image_names import unique_keys_of_names
from viz.core.run_options import SurveyOptions
from viz.core.surveying import Found, Plan, State
from viz.engine.cutting import cut_patches
from viz.engine.listener import Listener, Relay
from viz.engine.loading import Decode, Loader
from viz.engine.records import truth_name
from viz.engine.run_folder import Record, RunFolder
from viz.engine.survey_store import SurveyStore
from viz.engine.surveys import Gather, SurveyJob, carry_on, chunks_of, gather_here

__all__ = ["SurveySummary", "check_survey_options", "finish", "survey", "survey_job"]


def survey(
    technique: Any,
    model: Adapter,
    sources: Sequence[str | Path],
    options: SurveyOptions | None = None,
    listener: Listener | None = None,
    command: str | None = None,
    decode: Decode = images.read,
    gather: Gather = gather_here,
) -> SurveySummary:
    """Run `technique` (an instance, with its options), which looks at a whole folder, over the images in `sources`.

    As `viz.runs.run`, which calls this. A run that was stopped goes on where it was; where an image was added or
    changed since, all are looked at again. Raises `NoImages`, `UsageError`, `ModelError`; a bad image is recorded
    and the others go on. `gather` is how the chunks are folded: on this machine, or on a cluster.
    """
    options = options or SurveyOptions()
    check_survey_options(technique, options)
    listing = find_images(sources, options.limit)
    identity = identity_of(technique, model, sources, options)
    folder = RunFolder(run_path(technique, model, sources, options), identity, folders=())
    counted = Relay(listener or Listener())
    batched = BatchedAdapter(model, options.batch, counted.forwards)
    job = survey_job(technique, batched, listing.files, options, decode)
    chunks = chunks_of(listing.files, technique.info.images_per_call, options.share)
    files = [numbered.file for chunk in chunks for numbered in chunk.files]
    counted.started(len(files))
    said = described(technique, batched, options, command or shlex.join(sys.argv), identity, listing.skipped)
    said |= share_facts(technique, model, sources, options, listing.files)
    said |= {"shape": "survey", "target": "", "score": "", "plan": job.plan, "listing": listing_digests(listing.files)}
    ending = SurveyRecording(job, folder, said, len(files), counted)
    before = ending.begin()
    started = time.perf_counter()
    try:
        if not ending.whole(before):
            store = SurveyStore(folder)
            state = carry_on(job, chunks, technique.info.images_per_call, store, counted, gather)
            before = {}
            finish(job, state, listing.files, folder, counted)
            ending.complete = True
        else:
            counted.reused = len(files)
    finally:
        run = ending.end(before, time.perf_counter() - started)
    return SurveySummary(
        folder=folder.path,
        done=run["images"]["done"],
        failed=tuple(ending.failures),
        skipped=listing.skipped,
        notes=run["notes"],
        reused=counted.reused,
        forwards=counted.passes,
        seconds=time.perf_counter() - started,
    )


def check_survey_options(technique: Any, options: SurveyOptions) -> None:
    """Raise `UsageError` for options that cannot be used, whatever the model."""
    if not isinstance(options, SurveyOptions):
        name = technique.info.name
        raise UsageError(f"{name} looks at a whole folder: its options are SurveyOptions", "SurveyOptions(out=…)")
    opts.check(SurveyOptions, asdict(options))
    options.check_engine()
    _ = options.batch, options.background_colour, options.share


def survey_job(
    technique: Any, model: Adapter, files: Sequence[ImageFile], options: SurveyOptions, decode: Decode = images.read
) -> SurveyJob:
    """The job of all shards: the classes are those of the whole listing."""
    loader = Loader(model.preprocess, options.background_colour, options.max_pixels, decode)
    truths = {truth_name(model, file.truth) for file in files}
    classes = tuple(sorted(truth for truth in truths if truth is not None))
    plan = json.loads(json.dumps(technique.plan(model, classes)))  # what is stored is what was used
    return SurveyJob(technique, model, plan, loader, classes, options.fail_fast)


def finish(job: SurveyJob, state: State, files: Sequence[ImageFile], folder: RunFolder, listener: Listener) -> None:
    """Write what was found; `files` is the whole listing, of all shards: what a state holds are places in it."""
    write_findings(job.technique, job.plan, state, files, job.loader, folder, listener)


def write_findings(
    technique: Any,
    plan: Plan,
    state: State,
    files: Sequence[ImageFile],
    loader: Loader,
    folder: RunFolder,
    listener: Listener,
) -> None:
    """Write results.jsonl, the patches, and the layers into layers.json; images.jsonl is there. See `finish`."""

    facts: dict[str, Record] = {}

    def findings() -> Iterator[Found]:
        for found in technique.findings(plan, state):
            facts[found.layer] = {"units": len(found.units), "warnings": list(found.warnings), **found.facts}
            yield found

    folder.write_lines("results.jsonl", cut_patches(findings, files, loader, folder, listener))
    keys = unique_keys_of_names(list(facts))  # as in the records
    layers = [{"name": name, "key": key, **facts[name]} for name, key in zip(facts, keys, strict=True)]
    folder.write("layers.json", (json.dumps(layers, indent=1, ensure_ascii=False) + "\n").encode())
