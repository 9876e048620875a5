"""A survey of patches, step by step: from no image, over some more, to two states together."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.core.adapter import Adapter
from viz.core.batching import run_each
from viz.core.result import FloatArray
from viz.core.surveying import Plan, Seen, State
from viz.techniques.activation import _layer_state as layer_state
from viz.techniques.activation._layer_state import layers_of, state_of
from viz.techniques.activation._observations import Observation, joined, observed
from viz.techniques.activation._relevance import relevances
from viz.techniques.activation._survey_plan import SurveyPlan
from viz.techniques.activation._top_patches import TopPatches

Array = NDArray[Any]


def begun(plan: Plan) -> State:
    """The state of no image."""
    survey = SurveyPlan.read(plan)
    classes = len(survey.classes)
    return state_of([layer_state.begun(layer, classes, survey.photos, survey.patches) for layer in survey.layers])


def added(model: Adapter, plan: Plan, state: State, images: Sequence[Seen]) -> State:
    """`state` and these images."""
    if not images:
        return state
    survey = SurveyPlan.read(plan)
    known = layers_of(state, len(survey.layers))
    indices = np.array([image.index for image in images], np.int64)
    truths = np.array([-1 if image.truth is None else image.truth for image in images], np.int64)
    return state_of(
        [
            layer_state.with_observation(before, layer, joined(parts), indices, truths)
            for layer, before, parts in zip(
                survey.layers, known, _observations(model, survey, known, images), strict=True
            )
        ]
    )


def merged(plan: Plan, left: State, right: State) -> State:
    """Both states together."""
    count = len(plan["layers"])
    pairs = zip(layers_of(left, count), layers_of(right, count), strict=True)
    return state_of([layer_state.merged(one, other) for one, other in pairs])


def _observations(
    model: Adapter, survey: SurveyPlan, known: Sequence[State], images: Sequence[Seen]
) -> list[tuple[Observation, ...]]:
    """For each layer, what every batch of the images shows."""
    tops = [TopPatches.from_state(state, "top") for state in known]
    indices = np.array([image.index for image in images], np.int64)
    keys = indices.astype(np.uint64) if survey.copies else np.array([image.fingerprint for image in images], np.uint64)
    pixels = np.stack([image.pixels for image in images])

    def work(
        start: int, values: dict[str, FloatArray], relevance: dict[str, FloatArray] | None = None
    ) -> list[Observation]:
        found = []
        for layer, top in zip(survey.layers, tops, strict=True):
            part = slice(start, start + len(values[layer.name]))
            guide = None if relevance is None else relevance[layer.name]
            found.append(observed(layer, top, values[layer.name], indices[part], keys[part], survey.rank, guide))
        return found

    if survey.rank == "relevance":
        batches = relevances(model, survey.target, pixels, {layer.name: layer.zero for layer in survey.layers}, work)
    else:
        batches = run_each(model, pixels, [layer.name for layer in survey.layers], work)
    return list(zip(*batches, strict=True))
