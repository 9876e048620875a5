"""What a batch of images adds to what is known of a layer: small arrays, made beside the batch's values."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.core.result import FloatArray
from viz.techniques.activation._layer_plans import LayerPlan
from viz.techniques.activation._patch_places import best_places, heats, values_at
from viz.techniques.activation._response_maps import Indices, ResponseMaps, response_maps
from viz.techniques.activation._top_patches import TopPatches

Array = NDArray[Any]


@dataclass(frozen=True)
class Observation:
    """What was seen in b images at one layer.

    Attributes:
        finite: (b,), whether all responses of an image are finite numbers; the others are no part of anything.
        peaks, means, above: (b, c), the largest response, the mean one, and at how many positions it is above zero.
        channels: (m,), the channels of the entries.
        entries: m lists of one photo each: what may be among the best patches.
    """

    finite: NDArray[np.bool_]
    peaks: FloatArray
    means: NDArray[np.float64]
    above: NDArray[np.int64]
    channels: Indices
    entries: TopPatches


def observed(
    plan: LayerPlan,
    top: TopPatches,
    values: FloatArray,
    images: Array,
    keys: Array,
    rank: str,
    relevance: FloatArray | None,
) -> Observation:
    """What `values` (b, …) of a layer show of `images` (b,) with these `keys`, given the best patches so far.

    `rank` is what photos are ranked by; for "relevance", `relevance` has the form of `values`.
    """
    maps = response_maps(plan, values)
    guide = maps if relevance is None else response_maps(plan, relevance, zero=0)
    peaks, means, above = maps.peaks(), maps.means(), maps.above_zero()
    ranks = _ranks(rank, peaks, means, guide)
    ties = _rounded(means if rank == "max" else np.zeros_like(means))
    finite = np.all(np.isfinite(peaks) & np.isfinite(means) & np.isfinite(ranks), axis=1)
    which, channels = np.nonzero(top.entering(ranks, ties, images) & finite[:, None])
    patches, side = top.value.shape[2], top.heat.shape[-1]
    places, found, around = _patches(plan, maps, guide, which, channels, patches, side)
    pairs = which, channels
    shown = (ranks[pairs], ties[pairs], images[which], keys[which], found, places, around)
    return Observation(finite, peaks, means, above, channels, TopPatches(*(array[:, None] for array in shown)))


def joined(parts: Sequence[Observation]) -> Observation:
    """What batches one after the other show, with the entries in order of their channels."""
    channels = np.concatenate([part.channels for part in parts])
    order = np.argsort(channels, kind="stable")
    all_entries = [part.entries for part in parts]
    entries = TopPatches(*(_of_all(all_entries, field.name)[order] for field in fields(TopPatches)))
    finite, peaks, means, above = (_of_all(parts, name) for name in ("finite", "peaks", "means", "above"))
    return Observation(finite, peaks, means, above, channels[order], entries)


def _of_all(parts: Sequence[Any], name: str) -> Array:
    return np.concatenate([getattr(part, name) for part in parts])


def _ranks(rank: str, peaks: FloatArray, means: Array, guide: ResponseMaps) -> FloatArray:
    if rank == "max":
        return peaks
    return _rounded(means if rank == "mean" else guide.sums())


def _rounded(values: Array) -> FloatArray:
    """As float32, without -0: of that and 0 none is better."""
    found: FloatArray = values.astype(np.float32) + np.float32(0)
    return found


def _patches(
    plan: LayerPlan, maps: ResponseMaps, guide: ResponseMaps, which: Indices, channels: Indices, count: int, side: int
) -> tuple[Array, Array, Array]:
    """Places (m, count) that the guide chooses, the responses there, and around them."""
    responses = maps.some(which, channels)
    places = best_places(responses if guide is maps else guide.some(which, channels), count, plan)
    values = values_at(responses, places)
    return places, values, heats(responses, places, values, side)
