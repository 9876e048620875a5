"""One technique over one model and many images: a run folder that a second try continues."""

import hashlib
import json
import platform
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

from viz.core import images
from viz.core import options as opts
from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.discovery import Listing
from viz.core.errors import ExitCode
from viz.core.run_options import RunOptions
from viz.core.target import ScoreKind, check_target, references
from viz.core.technique import settings
from viz.engine.gradient_evidence import doubt, gradient_evidence
from viz.engine.job import Job
from viz.engine.listener import Listener
from viz.engine.loading import Decode, Loader, listed
from viz.engine.local import process
from viz.engine.run_folder import SCHEMA, Record, RunFolder

__all__ = ["Listener", "RunSummary", "run", "run_path"]

_PACKAGES = ("onnx-viz", "numpy", "pillow", "opencv-python", "onnx", "onnxruntime", "onnxruntime-gpu", "torch")


@dataclass(frozen=True)
class RunSummary:
    """What a run left: its folder, one record per image in order, and how it went."""

    folder: Path
    records: list[Record]
    skipped: tuple[str, ...]
    notes: list[str]
    reused: int
    forwards: int
    seconds: float

    @property
    def failed(self) -> list[Record]:
        """Records of the images that could not be used."""
        return [record for record in self.records if record["status"] == "failed"]

    @property
    def exit_code(self) -> ExitCode:
        """0, or 4 where some images failed."""
        return ExitCode.SOME_IMAGES_FAILED if self.failed else ExitCode.DONE


@dataclass
class _Counting(Listener):
    """Counts on the way to another listener."""

    inner: Listener
    count: int = 0
    reused: int = 0
    records: list[Record] = field(default_factory=list)

    def forwards(self, count: int) -> None:
        self.count += count
        self.inner.forwards(count)

    def image(self, record: Record, fresh: bool) -> None:
        self.reused += not fresh
        self.records.append(record)
        self.inner.image(record, fresh)


def run(
    technique: Any,
    model: Adapter,
    sources: Sequence[str | Path],
    options: RunOptions | None = None,
    listener: Listener | None = None,
    command: str | None = None,
    decode: Decode = images.read,
) -> RunSummary:
    """Run `technique` (an instance, with its options) over the images in `sources`; results go to a folder.

    The folder is named by a hash of all that changes the result, so the same call again continues
    where an earlier one stopped, and another one never mixes with it. Raises `NoImages`, `UsageError`,
    `ModelError`; a bad image is recorded and the others go on (`RunSummary.failed`). `decode` reads image
    files: `SharedPhotos.read` for runs that share their photos.
    """
    options = options or RunOptions()
    opts.check(RunOptions, asdict(options))
    listing = listed(sources, options)
    check_target(options.target, model, cast(ScoreKind, options.score))
    identity = _identity(technique, model, sources, options)
    folder = RunFolder(run_path(technique, model, sources, options), identity)
    before = folder.run()
    counting = _Counting(listener or Listener())
    counting.inner.started(len(listing.files))
    batched = BatchedAdapter(model, options.batch, counting.forwards)
    loader = Loader(model.preprocess, options.background_colour, options.max_pixels, decode)
    job = Job(technique, batched, options.target, cast(ScoreKind, options.score), loader, options.fail_fast)
    described = _described(job, options, command or shlex.join(sys.argv), identity, listing)
    started, evidence = time.perf_counter(), dict(before.get("evidence", {}))
    folder.write_run({**described, **_progress(batched, counting.records, listing, complete=False)})
    try:
        records = process(job, listing.files, folder, counting)
        folder.rewrite(records)
        evidence = _evidence(technique, batched) or before.get("evidence", {})
    finally:
        seconds = time.perf_counter() - started
        complete = len(counting.records) == len(listing.files)
        timings = {"seconds": round(seconds, 3), "forward_passes": counting.count, "images_reused": counting.reused}
        progress = _progress(batched, counting.records, listing, complete)
        # What was said and checked while images were computed still holds where they are only looked through.
        progress["notes"] = notes = list(dict.fromkeys([*progress["notes"], *before.get("notes", [])]))
        progress["warnings"] += [doubt(evidence)] if doubt(evidence) else []
        folder.write_run({**described, **progress, "evidence": evidence, "timings": timings})
    return RunSummary(folder.path, records, listing.skipped, notes, counting.reused, counting.count, seconds)


def _evidence(technique: Any, model: Adapter) -> Record:
    """Why the gradients may be trusted, for a technique that takes some; empty where nothing was computed."""
    return gradient_evidence(model) if technique.info.needs_gradient else {}


def run_path(technique: Any, model: Adapter, sources: Sequence[str | Path], options: RunOptions) -> Path:
    """Where a run's results go: `--out`, or runs/MODEL/TECHNIQUE-HASH."""
    if options.out:
        return Path(options.out)
    short = _identity(technique, model, sources, options)[:8]
    return Path("runs") / model.source.name / f"{technique.info.name}-{short}"


def _identity(technique: Any, model: Adapter, sources: Sequence[str | Path], options: RunOptions) -> str:
    """A hash of all that changes the result."""
    preprocess = model.preprocess.as_dict()
    del preprocess["origin"]
    deciding = {
        "schema": SCHEMA,
        "viz": _version("onnx-viz"),
        "technique": technique.info.name,
        "settings": settings(technique),
        "model": [model.source.sha256, model.source.spec if not model.source.sha256 else "", model.source.device],
        "details": dict(model.source.details),
        "scores": asdict(model.scores) if model.scores else None,
        "preprocess": preprocess,
        "labels": model.labels.names,
        "sources": [_absolute(str(source)) for source in sources],
        "options": {n: v for n, v in asdict(options).items() if n not in ("out", "batch_size", "fail_fast")},
    }
    if compared := references(options.target, model):
        deciding["references"] = compared
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()


def _absolute(source: str) -> str:
    mark = "@" if source.startswith("@") else ""
    return mark + str(Path(source.removeprefix("@")).expanduser().absolute())


def _described(job: Job, options: RunOptions, command: str, identity: str, listing: Listing) -> Record:
    """The part of run.json that is known before the first image."""
    model, info = job.model, job.technique.info
    return {
        "schema": SCHEMA,
        "identity": identity,
        "technique": info.name,
        "summary": info.summary,
        "source": info.source,
        "settings": settings(job.technique),
        "options": asdict(options),
        "command": command,
        "model": {**asdict(model.source), "outputs": list(model.outputs)},
        "preprocess": {**model.preprocess.as_dict(), "text": model.preprocess.describe()},
        "labels_origin": model.labels.origin,
        "target": options.target,
        "score": _score_read(model, options.score),
        "skipped": list(listing.skipped),
        "versions": {name: found for name in _PACKAGES if (found := _version(name))},
        "platform": platform.platform(),
        "seed": settings(job.technique).get("seed"),
        "device": model.source.device,
    }


def _progress(model: Adapter, records: Sequence[Record], listing: Listing, complete: bool) -> Record:
    failed = [{"name": r["name"], "reason": r["reason"]} for r in records if r["status"] == "failed"]
    done = len(records) - len(failed)
    return {
        "complete": complete,
        "images": {"found": len(listing.files), "done": done, "failed": len(failed)},
        "failures": failed,
        "notes": list(model.notes),
        "warnings": [*model.warnings, *_common_warnings(records)],
        **_score_of_no_class(model, records),
    }


def _common_warnings(records: Sequence[Record]) -> list[str]:
    """Each warning of the images once, with the number of images that have it."""
    counts: dict[str, int] = {}
    for record in records:
        for text in record.get("warnings", ()):
            counts[text] = counts.get(text, 0) + 1
    return [f"{count} image(s): {text}" for text, count in counts.items()]


def _score_of_no_class(model: Adapter, records: Sequence[Record]) -> Record:
    """What was read where it was not one of the model's class scores: a neuron, a box, a likeness."""
    kinds = {record["target"]["score"] for record in records if "target" in record}
    if not kinds or (model.scores and kinds <= {"logit", "probability"}):
        return {}
    return {"score": ", ".join(sorted(kinds))}


def _score_read(model: Adapter, score: str) -> str:
    """In words, which score explains: `--score auto` is resolved here for the summary."""
    if model.scores is None:
        return "none: this model has no class scores"
    if score == "probability" or model.scores.logits is None:
        ours = model.scores.probabilities is None and model.scores.to_probability == "none"
        return "probability" + (" (softmax applied by viz: the graph ends in plain scores)" if ours else "")
    ends = model.scores.to_probability
    return "logit" + (f" (read before the graph's own {ends})" if ends != "none" else "")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
