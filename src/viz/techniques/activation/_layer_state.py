"""What a survey knows of one layer: best patches, sums, a histogram and a sample, as arrays of one state."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.core.surveying import State
from viz.techniques.activation._channel_correlations import MOST_CHANNELS
from viz.techniques.activation._image_sample import drawn, merged_samples, no_sample
from viz.techniques.activation._layer_plans import LayerPlan
from viz.techniques.activation._observations import Observation
from viz.techniques.activation._response_histogram import BUCKETS, counted
from viz.techniques.activation._response_sums import merged_sums, no_sums, with_images
from viz.techniques.activation._top_patches import TopPatches

Array = NDArray[Any]


def begun(plan: LayerPlan, classes: int, photos: int, patches: int) -> State:
    """Of no image, with room for so many photos per channel and patches per photo."""
    channels = len(plan.channels)
    numbers, responses = no_sample(channels if channels <= MOST_CHANNELS else 0)
    return {
        **TopPatches.empty(channels, photos, patches, plan.side).to_state("top"),
        **_named("sums", no_sums(plan, classes)),
        "histogram": np.zeros((channels, BUCKETS), np.int64),
        "sample.numbers": numbers,
        "sample.responses": responses,
    }


def with_observation(state: State, plan: LayerPlan, seen: Observation, images: Array, truths: Array) -> State:
    """With b more images, of these indices and classes (b,)."""
    finite = seen.finite
    peaks, means, above = seen.peaks[finite], seen.means[finite], seen.above[finite]
    sums = with_images(_part(state, "sums"), plan, peaks, means, above, truths[finite], int((~finite).sum()))
    kept = peaks[:, : state["sample.responses"].shape[1]]
    numbers, responses = merged_samples(sample_of(state), (drawn(images[finite]), kept))
    return {
        **TopPatches.from_state(state, "top").with_entries(seen.channels, seen.entries).to_state("top"),
        **_named("sums", sums),
        "histogram": counted(state["histogram"], peaks, plan),
        "sample.numbers": numbers,
        "sample.responses": responses,
    }


def merged(left: State, right: State) -> State:
    """Both together."""
    numbers, responses = merged_samples(sample_of(left), sample_of(right))
    return {
        **TopPatches.from_state(left, "top").merged(TopPatches.from_state(right, "top")).to_state("top"),
        **_named("sums", merged_sums(_part(left, "sums"), _part(right, "sums"))),
        "histogram": left["histogram"] + right["histogram"],
        "sample.numbers": numbers,
        "sample.responses": responses,
    }


def sample_of(state: State) -> tuple[Array, Array]:
    """The sample of a layer's state."""
    return state["sample.numbers"], state["sample.responses"]


def sums_of(state: State) -> State:
    """The sums of a layer's state."""
    return _part(state, "sums")


def layers_of(state: State, count: int) -> list[State]:
    """The states of the layers that a whole state holds."""
    found: list[dict[str, Array]] = [{} for _ in range(count)]
    for name, array in state.items():
        index, _, rest = name.partition(".")
        found[int(index)][rest] = array
    return list(found)


def state_of(layers: list[State]) -> State:
    """A whole state from those of its layers."""
    return {name: array for index, layer in enumerate(layers) for name, array in _named(str(index), layer).items()}


def _named(prefix: str, arrays: Mapping[str, Array]) -> State:
    return {f"{prefix}.{name}": array for name, array in arrays.items()}


def _part(state: State, prefix: str) -> State:
    start = prefix + "."
    return {name.removeprefix(start): array for name, array in state.items() if name.startswith(start)}
