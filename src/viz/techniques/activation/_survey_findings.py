"""What a survey of patches found: the figures, the flags and the patches of every channel."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from viz.core.surveying import Cut, Found, Plan, State, Unit
from viz.techniques.activation._channel_correlations import most_correlated
from viz.techniques.activation._image_sample import sampled
from viz.techniques.activation._layer_plans import LayerPlan
from viz.techniques.activation._layer_state import layers_of, sample_of, sums_of
from viz.techniques.activation._patch_windows import heat_window, window
from viz.techniques.activation._response_sums import HEADROOM
from viz.techniques.activation._shown_patches import Shown, shown_patches
from viz.techniques.activation._survey_plan import SurveyPlan
from viz.techniques.activation._top_patches import TopPatches
from viz.techniques.activation._unit_figures import UnitFigures

_RELATED = 5
_FEW = 0.1  # of the channels


def findings(plan: Plan, state: State, top: int) -> Iterator[Found]:
    """Layer by layer, with up to `top` patches of every channel."""
    survey = SurveyPlan.read(plan)
    for layer, found in zip(survey.layers, layers_of(state, len(survey.layers)), strict=True):
        sums = sums_of(found)
        units = _units(survey, layer, found, top) if sums["images"][0] else [Unit(c, {}) for c in layer.channels]
        yield Found(layer.name, _facts(layer, sums), units, _warnings(layer, sums) + _cut_off(layer, survey, units))


def _units(survey: SurveyPlan, layer: LayerPlan, state: State, top: int) -> list[Unit]:
    patches = TopPatches.from_state(state, "top")
    shown = shown_patches(patches, top, survey.rank, survey.copies)
    figures = UnitFigures.of(layer, survey.classes, sums_of(state), state["histogram"])
    related = _related(layer, state)
    return [
        Unit(
            channel,
            {**figures.numbers(index), "duplicates": int(shown.duplicates[index])},
            _cuts(layer, patches, shown, index),
            figures.flags(index),
            {**figures.details(index), "related": related[index]},
        )
        for index, channel in enumerate(layer.channels)
    ]


def _cuts(layer: LayerPlan, top: TopPatches, shown: Shown, index: int) -> list[Cut]:
    there = shown.there[index]
    places = zip(shown.photo[index][there], shown.patch[index][there], strict=True)
    return [_cut(layer, top, index, photo, patch) for photo, patch in places]


def _cut(layer: LayerPlan, top: TopPatches, index: int, photo: int, patch: int) -> Cut:
    y, x = divmod(int(top.place[index, photo, patch]), layer.positions[1])
    seen, clipped = window(layer, y, x)
    return Cut(
        image=int(top.image[index, photo]),
        value=float(top.value[index, photo, patch]),
        window=seen,
        place=() if layer.kind == "vector" else (y, x),
        clipped=clipped,
        heat=top.heat[index, photo, patch] if layer.side else None,
        heat_window=heat_window(layer, y, x) if layer.side else None,
    )


def _related(layer: LayerPlan, state: State) -> Sequence[list[dict[str, Any]]]:
    """The most correlated channels of each one, as plain values."""
    responses = sampled(sample_of(state))
    if not responses.shape[1]:
        return [[] for _ in layer.channels]
    return [
        [{"channel": layer.channels[other], "correlation": round(r, 4)} for other, r in row]
        for row in most_correlated(responses, _RELATED)
    ]


def _cut_off(layer: LayerPlan, survey: SurveyPlan, units: Sequence[Unit]) -> tuple[str, ...]:
    """Whether many photos excite a channel exactly as much: what comes first is then not what excites it most."""
    alike = sum(len(unit.cuts) > 1 and unit.cuts[0].value == unit.cuts[-1].value for unit in units)
    if survey.rank != "max" or alike <= _FEW * len(units):
        return ()
    return (
        f"{layer.name} ({layer.op}): {alike} of {len(units)} channels respond exactly alike to all of their best "
        "patches, as where an activation is cut off; these are in order of the mean response. Name the layer before it",
    )


def _facts(layer: LayerPlan, sums: State) -> dict[str, Any]:
    plain = layer.to_json()
    names = ("op", "shape", "positions", "kind", "field", "everywhere", "scale", "notes")
    return {**{name: plain[name] for name in names}, "images": int(sums["images"][0])}


def _warnings(layer: LayerPlan, sums: State) -> tuple[str, ...]:
    found = []
    if broken := int(sums["broken"][0]):
        found.append(
            f"{layer.name}: {broken} images have responses that are not finite numbers; they count for nothing"
        )
    if clipped := int(sums["clipped"][0]):
        limit = f"{HEADROOM * layer.scale:g}"
        found.append(f"{layer.name}: {clipped} responses beyond {limit} count as {limit}, but for the largest of all")
    if not np.any(sums["images"]):
        found.append(f"{layer.name}: no image could be counted")
    return tuple(found)
