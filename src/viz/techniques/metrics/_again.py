"""Running a technique again, on other images or on another model, as a metric does."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target


def heats_again(
    technique: Any, model: Adapter, images: FloatArray, targets: Sequence[Target]
) -> list[FloatArray | None]:
    """One map (h, w) for each image, None where the technique has none; as many images a call as it wants."""
    size = technique.info.images_per_call
    found: list[FloatArray | None] = []
    for start in range(0, len(images), size):
        some = slice(start, start + size)
        results = technique(model, images[some], targets[some])
        found += [None if isinstance(one, ImageError) else one.heat for one in results]
    return found


def with_same_layer(technique: Any, before: HeatMap) -> Any:
    """The technique held to the layer that it chose for a map, where it chose one."""
    chosen = before.numbers.get("layer")
    free = isinstance(chosen, str) and getattr(technique, "layer", chosen) is None
    return replace(technique, layer=chosen) if free else technique
