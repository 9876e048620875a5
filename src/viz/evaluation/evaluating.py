"""An evaluation from images to table: batch by batch, each number kept as soon as it is there."""

import hashlib
import json
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from viz.core import options as opts
from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.discovery import Listing
from viz.core.errors import ImageError, NoImages, UsageError
from viz.core.target import ScoreKind, check_target
from viz.core.truths import known_of
from viz.engine.listener import Listener
from viz.engine.loading import Loader, listed, read_ahead
from viz.engine.run_folder import chunks
from viz.evaluation.baselines import baselines
from viz.evaluation.doubts import Values, doubts
from viz.evaluation.intervals import figure
from viz.evaluation.ledger import Ledger, key_of
from viz.evaluation.measuring import Bench, Troubles, measure
from viz.evaluation.options import EvaluationOptions
from viz.evaluation.outcome import Evaluation
from viz.evaluation.prepared import LeftOut, Prepared, prepare
from viz.evaluation.record import SCHEMA, as_record, write

_CHUNK = 8  # images explained together


def evaluate(
    techniques: Sequence[Any],
    metrics: Sequence[Any],
    model: Adapter,
    sources: Sequence[str | Path],
    options: EvaluationOptions | None = None,
    listener: Listener | None = None,
    command: str | None = None,
) -> Evaluation:
    """Measure techniques and the baselines with metrics (instances, with their options) over images.

    Where an image's true class is known, it counts only if the model is right about it, and its true
    class is explained (`EvaluationOptions`). Numbers are kept in the folder per image, technique and metric: the same
    call again, or one with further techniques or metrics, computes only what is missing.
    Raises `NoImages`, `UsageError`, `ModelError`; a bad image is recorded and the others go on, and so is
    a technique or a metric that does not apply to the model.
    """
    options = options or EvaluationOptions()
    opts.check(EvaluationOptions, asdict(options))
    listener = listener or Listener()
    listing = listed(sources, options)
    _check_target(model, options)
    identity = _identity(model, sources, options)
    folder = _folder(model, identity, options)
    batched = BatchedAdapter(model, options.batch, listener.forwards)
    bench = Bench(batched, _randomized(batched, options.seed), Ledger(folder, identity), Troubles())
    described = _described(model, options, command or shlex.join(sys.argv), identity, listing)
    rows = [*techniques, *baselines(options.seed)]
    listener.started(len(listing.files))
    prepared, left_out = _measure_all(bench, listing, rows, metrics, options, listener)
    found = _summed_up(folder, rows, metrics, bench, prepared, left_out, options.seed)
    record = as_record(found, {**described, "notes": list(model.notes), "warnings": list(model.warnings)})
    found = replace(found, record=record)
    write(found, record)
    if not prepared:
        raise _nothing_left(left_out)
    return found


def _check_target(model: Adapter, options: EvaluationOptions) -> None:
    if options.target != "auto":
        check_target(options.target, model, cast(ScoreKind, options.score))
    elif model.scores is None:
        raise UsageError(
            f"{model.source.name} has no class scores, so there is no class to explain",
            "say what is explained with --target; docs/reference/targets.md lists the forms",
        )


def _randomized(model: Adapter, seed: int) -> Callable[[float], Adapter]:
    """The model with new weights in a part of its layers, made once."""

    @cache
    def of(part: float) -> Adapter:
        return model.randomized(seed, part)

    return of


def _measure_all(
    bench: Bench,
    listing: Listing,
    techniques: Sequence[Any],
    metrics: Sequence[Any],
    options: EvaluationOptions,
    listener: Listener,
) -> tuple[list[Prepared], list[LeftOut]]:
    prepared, left_out = [], []
    for batch, out in _batches(bench.model, listing, options):
        left_out += out
        if options.fail_fast and (bad := next((one for one in out if one.status == "failed"), None)):
            raise ImageError(f"{bad.name}: {bad.reason}", "leave --fail-fast out to go on with the others")
        if batch is not None:
            of_images: dict[Any, Any] = {}
            for technique in techniques:
                measure(bench, batch, technique, metrics, of_images)
            # The pixels are not needed again, only who they were.
            prepared.append(replace(batch, images=batch.images[:0]))
        for name in [one.name for one in out] + list(batch.names if batch else ()):
            listener.image({"name": name, "status": "done"}, fresh=True)
    return prepared, left_out


def _batches(
    model: Adapter, listing: Listing, options: EvaluationOptions
) -> Iterator[tuple[Prepared | None, list[LeftOut]]]:
    loader = Loader(model.preprocess, options.background_colour, options.max_pixels)
    known = dict(zip(listing.files, known_of([file.path for file in listing.files], []), strict=True))
    for loaded in read_ahead(chunks(listing.files, _CHUNK), lambda file: loader.load(file, None)):
        yield prepare(model, loaded, [known[item.file] for item in loaded], options)


def _summed_up(
    folder: Path,
    techniques: Sequence[Any],
    metrics: Sequence[Any],
    bench: Bench,
    prepared: Sequence[Prepared],
    left_out: Sequence[LeftOut],
    seed: int,
) -> Evaluation:
    values: dict[tuple[str, str], Any] = {}
    details: dict[tuple[str, str], dict[str, float]] = {}
    for technique in techniques:
        for metric in metrics:
            pair = technique.info.name, metric.info.name
            values[pair], details[pair] = _column(bench.ledger, prepared, technique, metric)
    found = {pair: figure(numbers, seed) for pair, numbers in values.items()}
    regions = [region for batch in prepared for region in batch.regions]
    return Evaluation(
        folder,
        tuple(techniques),
        tuple(metrics),
        {pair: one for pair, one in found.items() if one is not None},
        details,
        tuple(doubts(cast(Values, values), techniques, metrics, seed)),
        len(regions),
        sum(region is not None for region in regions),
        tuple(left_out),
        tuple(_problems(bench.troubles, metrics, any(region is not None for region in regions))),
    )


def _column(ledger: Ledger, prepared: Sequence[Prepared], technique: Any, metric: Any) -> tuple[Any, dict[str, float]]:
    """One number per image, NaN where there is none, and the means of the further ones."""
    keys = key_of(technique), key_of(metric)
    lines = [
        ledger.find(name, digest, *keys)
        for batch in prepared
        for name, digest in zip(batch.names, batch.sha256, strict=True)
    ]
    numbers = [float("nan") if line is None or line["value"] is None else line["value"] for line in lines]
    further: dict[str, list[float]] = {}
    for line in lines:
        for name, number in (line or {"details": {}})["details"].items():
            if number is not None:
                further.setdefault(name, []).append(number)
    return np.array(numbers, np.float64), {name: float(np.mean(found)) for name, found in further.items()}


def _problems(troubles: Troubles, metrics: Sequence[Any], any_region: bool) -> list[str]:
    found = [f"{technique}: {reason}" for technique, reason in troubles.techniques.items()]
    found += [f"{metric} of {technique}: {reason}" for (technique, metric), reason in troubles.metrics.items()]
    found += [f"{technique} on {image}: {reason}" for (image, technique), reason in troubles.images.items()]
    truthful = [metric.info.name for metric in metrics if metric.info.needs_truth]
    if truthful and not any_region:
        found.append(
            f"{', '.join(truthful)}: no image has a known region; put a boxes.json beside the images, or a labels.json "
            "that names masks"
        )
    return found


def _nothing_left(left_out: Sequence[LeftOut]) -> NoImages:
    first = left_out[0]
    return NoImages(
        f"none of the {len(left_out)} images could be explained; the first, {first.name}: {first.reason}",
        "--include-wrong takes images that the model is wrong about; is --preprocess right?",
    )


def _folder(model: Adapter, identity: str, options: EvaluationOptions) -> Path:
    return Path(options.out) if options.out else Path("runs") / model.source.name / f"evaluate-{identity[:8]}"


def _identity(model: Adapter, sources: Sequence[str | Path], options: EvaluationOptions) -> str:
    """A hash of all that changes a number, but for the technique and the metric, which each number has its own of."""
    preprocess = model.preprocess.as_dict()
    del preprocess["origin"]
    deciding = {
        "schema": SCHEMA,
        "model": [model.source.sha256, "" if model.source.sha256 else model.source.spec, model.source.device],
        "scores": asdict(model.scores) if model.scores else None,
        "preprocess": preprocess,
        "labels": model.labels.names,
        "sources": [str(Path(str(source)).expanduser().absolute()) for source in sources],
        "options": {n: v for n, v in asdict(options).items() if n not in ("out", "batch_size", "fail_fast")},
    }
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()


def _described(
    model: Adapter, options: EvaluationOptions, command: str, identity: str, listing: Listing
) -> dict[str, Any]:
    return {
        "identity": identity,
        "command": command,
        "model": {**asdict(model.source), "outputs": list(model.outputs)},
        "preprocess": {**model.preprocess.as_dict(), "text": model.preprocess.describe()},
        "options": asdict(options),
        "found": len(listing.files),
    }
