"""From the numbers of a ledger to the table: means with intervals, doubts, and what went wrong."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from viz.evaluation.doubts import Values, doubts
from viz.evaluation.intervals import figure
from viz.evaluation.ledger import Ledger, key_of
from viz.evaluation.measuring import Bench, Troubles
from viz.evaluation.outcome import Evaluation
from viz.evaluation.prepared import LeftOut, Prepared


def summed_up(
    folder: Path,
    techniques: Sequence[Any],
    metrics: Sequence[Any],
    bench: Bench,
    prepared: Sequence[Prepared],
    left_out: Sequence[LeftOut],
    seed: int,
) -> Evaluation:
    """The outcome for the images in `prepared`, from what the ledger holds about them."""
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
        tuple(doubts(cast(Values, values), details, techniques, metrics, seed)),
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
