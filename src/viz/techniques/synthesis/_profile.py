"""What every layer lets through: errors and PSNR of a whole run, layer by layer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from viz.core.making import Plot
from viz.core.result import FloatArray

_LINES = 6  # more photos are summed up: so many lines can be told apart
_SHOWN = {"error": ("profile", "normalised error by layer"), "psnr": ("profile_psnr", "PSNR by layer, in dB")}


def profiles(records: Sequence[Mapping[str, Any]]) -> dict[str, Plot]:
    """A plot for each figure, from records of images that were rebuilt; none for a single layer."""
    made = [record for record in records if "error" in record.get("numbers", {})]
    layers = list(dict.fromkeys(record["column"] for record in made))
    if len(layers) < 2:
        return {}
    return {name: _plot(made, layers, figure, label) for figure, (name, label) in _SHOWN.items()}


def _plot(made: Sequence[Mapping[str, Any]], layers: Sequence[str], figure: str, label: str) -> Plot:
    photos = list(dict.fromkeys(record["row"] for record in made))
    values = np.full((len(layers), len(photos)), np.nan, np.float32)  # a layer that failed leaves a gap
    for record in made:
        values[layers.index(record["column"]), photos.index(record["row"])] = record["numbers"][figure]
    if len(photos) <= _LINES:
        return Plot(values, label, tuple(photos), tuple(layers))
    return Plot(_summed_up(values), f"{label}, {len(photos)} photos", ("median", "least", "most"), tuple(layers))


def _summed_up(values: FloatArray) -> FloatArray:
    """Median, least and most of each row, (n, 3); every layer has at least one value."""
    found: FloatArray = np.stack([np.nanmedian(values, 1), np.nanmin(values, 1), np.nanmax(values, 1)], 1)
    return found
