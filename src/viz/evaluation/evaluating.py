"""An evaluation from images to table: batch by batch, each number kept as soon as it is there."""

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

from viz.core import options as opts
from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.discovery import Listing
from viz.core.errors import ImageError, NoImages, UsageError
from viz.core.target import ScoreKind, check_target
from viz.core.truths import Known, known_of
from viz.engine.listener import Listener
from viz.engine.loading import Loader, listed, read_ahead
from viz.engine.run_folder import chunks
from viz.evaluation.baselines import baselines
from viz.evaluation.identity import described, folder_of, identity_of
from viz.evaluation.ledger import Ledger
from viz.evaluation.measuring import Bench, Troubles, measure
from viz.evaluation.options import EvaluationOptions
from viz.evaluation.outcome import Evaluation
from viz.evaluation.prepared import LeftOut, Prepared, prepare
from viz.evaluation.record import as_record, write
from viz.evaluation.summing_up import summed_up

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
    _check_target(model, options)
    listing = listed(sources, options)
    known = known_of([file.path for file in listing.files], [])
    identity = identity_of(model, listing, known, options)
    about = described(model, options, command or shlex.join(sys.argv), identity, listing)
    batched = BatchedAdapter(model, options.batch, listener.forwards)
    ledger = Ledger(folder_of(model, identity, options), about)
    bench = Bench(batched, _randomized(batched, options.seed), ledger, Troubles())
    rows = [*techniques, *baselines(options.seed)]
    listener.started(len(listing.files))
    prepared, left_out = _measure_all(bench, listing, known, rows, metrics, options, listener)
    found = summed_up(ledger.folder, rows, metrics, bench, prepared, left_out, options.seed)
    record = as_record(found, {**about, "notes": list(model.notes), "warnings": list(model.warnings)})
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
    known: Sequence[Known | None],
    techniques: Sequence[Any],
    metrics: Sequence[Any],
    options: EvaluationOptions,
    listener: Listener,
) -> tuple[list[Prepared], list[LeftOut]]:
    prepared, left_out = [], []
    for batch, out in _batches(bench.model, listing, known, options):
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
    model: Adapter, listing: Listing, known: Sequence[Known | None], options: EvaluationOptions
) -> Iterator[tuple[Prepared | None, list[LeftOut]]]:
    loader = Loader(model.preprocess, options.background_colour, options.max_pixels)
    entry_of = dict(zip(listing.files, known, strict=True))
    for loaded in read_ahead(chunks(listing.files, _CHUNK), lambda file: loader.load(file, None)):
        yield prepare(model, loaded, [entry_of[item.file] for item in loaded], options)


def _nothing_left(left_out: Sequence[LeftOut]) -> NoImages:
    first = left_out[0]
    return NoImages(
        f"none of the {len(left_out)} images could be explained; the first, {first.name}: {first.reason}",
        "--include-wrong takes images that the model is wrong about; is --preprocess right?",
    )
