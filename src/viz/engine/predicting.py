"""What a model says about each image of a folder, as it goes."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.discovery import Listing
from viz.core.errors import ImageError, UsageError
from viz.core.run_options import ImageOptions
from viz.core.target import ranked_classes
from viz.core.target.outputs import nothing_to_rank
from viz.engine.loading import Loaded, Loader, read_ahead
from viz.engine.records import Record, failed_record, predictions, truth_name
from viz.engine.run_folder import chunks

_CHUNK = 16  # images decoded ahead at a time


def predict(
    model: Adapter, listing: Listing, options: ImageOptions, top: int, settled: Callable[[Record], None]
) -> Iterator[Record]:
    """One record per image in order: the `top` classes, or why there are none; `settled` hears of each.

    Raises `UsageError` for a model without class scores, and `ImageError` at the first bad image with `fail_fast`.
    """
    if model.scores is None:
        raise nothing_to_rank(model)
    batched = BatchedAdapter(model, options.batch)
    loader = Loader(model.preprocess, options.background_colour, options.max_pixels)
    groups = chunks(listing.files, _CHUNK)
    for loaded in read_ahead(groups, lambda file: loader.load(file, None)):
        for record in _records(batched, loaded, top):
            if options.fail_fast and record["status"] == "failed":
                raise ImageError(f"{record['name']}: {record['reason']}", "leave --fail-fast out to go on")
            settled(record)
            yield record


def _records(model: Adapter, loaded: list[Loaded], top: int) -> Iterator[Record]:
    good = [item.pixels for item in loaded if item.pixels is not None]
    order, probabilities = ranked_classes(model, np.stack(good)) if good else (np.empty((0, 0)), np.empty((0, 0)))
    rows = iter(zip(order, probabilities, strict=True))
    for item in loaded:
        if item.failure is not None:
            yield failed_record(item.file, item.failure)
            continue
        order_of_one, shares = next(rows)
        if np.isfinite(shares).all():
            yield _record(model, item, order_of_one, shares, top)
        else:
            yield failed_record(item.file, ImageError("the model's scores for it are not all finite numbers"))


def _record(model: Adapter, item: Loaded, order: Any, probabilities: Any, top: int) -> Record:
    truth = truth_name(model, item.file.truth)
    record: Record = {"name": item.file.name, "status": "done", "truth": truth}
    if item.file.truth is not None:
        record["rank"] = _rank(model, item.file.truth, order)
    return {**record, "predictions": predictions(model, (order[:top], probabilities))}


def _rank(model: Adapter, truth: str, order: Any) -> int | None:
    """1 where the true class came first; None where this model has no such class."""
    assert model.scores is not None, "predict has checked this"
    try:
        index = model.labels.index(truth, model.scores.classes)
    except UsageError:
        return None
    return int(np.flatnonzero(order == index)[0]) + 1
