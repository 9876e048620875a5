"""One technique on one batch of images: its maps, and what every metric says of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ImageError, VizError
from viz.core.metric import Explained
from viz.core.result import HeatMap
from viz.evaluation.ledger import Ledger, key_of, line
from viz.evaluation.prepared import Prepared


@dataclass
class Troubles:
    """Why a technique, or a metric of it, has no figures; once something is in here it is not tried again."""

    techniques: dict[str, str] = field(default_factory=dict)
    metrics: dict[tuple[str, str], str] = field(default_factory=dict)
    images: dict[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True)
class Bench:
    """What is the same for every batch."""

    model: Adapter
    randomized: Callable[[float], Adapter]
    ledger: Ledger
    troubles: Troubles


def measure(bench: Bench, batch: Prepared, technique: Any, metrics: Sequence[Any], of_images: dict[Any, Any]) -> None:
    """Add to the ledger what is missing about a technique on a batch. Problems are kept in `bench.troubles`."""
    name, troubles = technique.info.name, bench.troubles
    missing = [metric for metric in metrics if _missing(bench, batch, technique, metric)]
    if not missing:
        return
    try:
        results = technique(bench.model, batch.images, batch.targets)
    except VizError as problem:
        troubles.techniques[name] = str(problem.problem)
        return
    explained, rows = _explained(bench, batch, technique, results, of_images)
    for metric in missing if rows else ():
        try:
            _enter(bench, batch, technique, metric, explained, rows)
        except VizError as problem:
            troubles.metrics[name, metric.info.name] = str(problem.problem)


def _missing(bench: Bench, batch: Prepared, technique: Any, metric: Any) -> bool:
    """Whether there is something to find out, and no reason known why it cannot be."""
    name, troubles = technique.info.name, bench.troubles
    if name in troubles.techniques or (name, metric.info.name) in troubles.metrics:
        return False
    keys = key_of(technique), key_of(metric)
    known = (
        bench.ledger.find(image, digest, *keys) or (image, name) in troubles.images
        for image, digest in zip(batch.names, batch.sha256, strict=True)
    )
    return not all(known)


def _explained(
    bench: Bench, batch: Prepared, technique: Any, results: Sequence[Any], of_images: dict[Any, Any]
) -> tuple[Explained, list[int]]:
    """The maps that there are, and which images they belong to."""
    rows = [i for i, one in enumerate(results) if isinstance(one, HeatMap)]
    for i, one in enumerate(results):
        if isinstance(one, ImageError):
            bench.troubles.images[batch.names[i], technique.info.name] = one.problem
    images = batch.images if len(rows) == len(results) else batch.images[rows]
    explained = Explained(
        bench.model,
        technique,
        images,
        [batch.targets[i] for i in rows],
        [results[i] for i in rows],
        [batch.regions[i] for i in rows],
        bench.randomized,
        of_images if len(rows) == len(results) else {},  # what is known is known of all images together
    )
    return explained, rows


def _enter(
    bench: Bench, batch: Prepared, technique: Any, metric: Any, explained: Explained, rows: Sequence[int]
) -> None:
    found = metric(explained)
    keys = key_of(technique), key_of(metric)
    bench.ledger.add(
        line(
            batch.names[i],
            batch.sha256[i],
            *keys,
            float(found.values[place]),
            {name: float(np.asarray(values)[place]) for name, values in found.details.items()},
        )
        for place, i in enumerate(rows)
    )
