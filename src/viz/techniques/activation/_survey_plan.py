"""The plan of a survey of patches: its layers, and the settings that the state depends on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from viz.core.adapter import Adapter
from viz.core.errors import NotSupported, UsageError
from viz.core.surveying import Plan
from viz.techniques.activation._channel_correlations import MOST_CHANNELS
from viz.techniques.activation._channel_ranges import channels_in
from viz.techniques.activation._layer_plans import LayerPlan, layer_plan, with_notes, with_scale
from viz.techniques.activation._probe_scale import scales
from viz.techniques.activation._relevance import NO_GRADIENT, check_class, relevant
from viz.techniques.activation._response_histogram import BUCKETS
from viz.techniques.activation._surveyed_layers import surveyed_layers

if TYPE_CHECKING:
    from viz.techniques.activation.patches import Patches

_MOST_BYTES, _MANY_BYTES = 8 << 30, 1 << 30  # a step holds two states


@dataclass(frozen=True)
class SurveyPlan:
    """What `Patches.plan` made, read again.

    Attributes:
        photos: how many are kept for each channel: twice as many as are shown, since near copies are left out.
        patches: of each photo, at most.
        rank: "max", "mean" or "relevance"; `target` is the class that relevance is of.
        copies: whether copies of a photo count as photos.
    """

    layers: tuple[LayerPlan, ...]
    classes: tuple[str, ...]
    photos: int
    patches: int
    rank: str
    target: str
    copies: bool

    @classmethod
    def read(cls, plan: Plan) -> "SurveyPlan":
        """A plan as `planned` wrote it."""
        layers = tuple(map(LayerPlan.from_json, plan["layers"]))
        return cls(layers, tuple(plan["classes"]), **plan["settings"])


def planned(asked: "Patches", model: Adapter, classes: Sequence[str]) -> dict[str, Any]:
    """What will be looked at, as plain values. Raises as `Patches.plan`."""
    layers = _layers(asked, model)
    settings = {
        "photos": asked.top * (1 if asked.keep_duplicates else 2),
        "patches": asked.per_image,
        "rank": asked.rank,
        "target": asked.relevance_target,
        "copies": asked.keep_duplicates,
    }
    _check_size(model, layers, len(classes), settings)
    return {"layers": [layer.to_json() for layer in layers], "classes": list(classes), "settings": settings}


def _layers(asked: "Patches", model: Adapter) -> list[LayerPlan]:
    channels = channels_in(asked.units)
    choices = surveyed_layers(model, asked.layer)
    plans = [layer_plan(model, layer, grid, channels) for layer, grid in choices]
    if asked.rank == "relevance":
        plans = _relevant(asked, model, plans)
    widest = max(plan.width for plan in plans)
    plans = [plan for plan in plans if plan.channels]
    if not plans:
        raise UsageError(f"--units {asked.units}: no layer has these channels", f"the widest has 0 to {widest - 1}")
    found = scales(model, {plan.name: plan.zero for plan in plans})
    return [_noted(with_scale(plan, found[plan.name])) for plan in plans]


def _noted(plan: LayerPlan) -> LayerPlan:
    if len(plan.channels) <= MOST_CHANNELS:
        return plan
    note = f"correlations are left out: more than {MOST_CHANNELS} channels; --units 0-{MOST_CHANNELS - 1} has them"
    return with_notes(plan, note)


def _relevant(asked: "Patches", model: Adapter, plans: Sequence[LayerPlan]) -> list[LayerPlan]:
    """The layers that the class follows from; one named outright has to be among them."""
    check_class(model, asked.relevance_target)
    names = relevant(model, asked.relevance_target, [plan.name for plan in plans])
    others = [plan.name for plan in plans if plan.name not in names]
    named = [name for name in others if any(model.layer(p).name == name for p in asked.layer if _is_name(model, p))]
    if named or not names:
        raise NotSupported(f"the score does not follow from layer {(named or others)[0]!r}", NO_GRADIENT)
    if others:
        model.note(f"passed over {len(others)} layers that the score does not follow from: {', '.join(others[:3])}")
    return [plan for plan in plans if plan.name in names]


def _is_name(model: Adapter, pattern: str) -> bool:
    return pattern in model.layers or not (set(pattern) & set("*?[") or pattern == "all")


def _check_size(model: Adapter, layers: Sequence[LayerPlan], classes: int, settings: Mapping[str, Any]) -> None:
    """Note a state that takes much memory, refuse one that takes more than most machines have."""
    size = sum(_bytes(plan, classes, settings) for plan in layers)
    channels = sum(len(plan.channels) for plan in layers)
    of = f"{len(layers)} layer{'s' * (len(layers) != 1)}"
    what = f"{channels} channels of {of} take {size / (1 << 30):.1f} GB while images are looked at"
    if size > _MOST_BYTES:
        raise UsageError(what, "name fewer layers (--layer), channels (--units), or patches (--top)")
    if size > _MANY_BYTES:
        model.note(what)


def _bytes(plan: LayerPlan, classes: int, settings: Mapping[str, Any]) -> int:
    """How much the state of a layer takes."""
    photo = 20 + int(settings["patches"]) * (8 + plan.side**2)
    return len(plan.channels) * (int(settings["photos"]) * photo + 8 * (BUCKETS + classes + 4) + 4 * 512)
