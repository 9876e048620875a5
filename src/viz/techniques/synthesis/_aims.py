"""What `viz maximize` drives up: each image's target, less what other classes score or how alike the starts are."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from viz.core.adapter import Adapter
from viz.core.target import Target
from viz.techniques._spatial_layers import grids
from viz.techniques.synthesis._diversity import diversity, other_classes
from viz.techniques.synthesis._objective import Against, Objective
from viz.techniques.synthesis._recipes import Recipe

if TYPE_CHECKING:
    from viz.techniques.synthesis.maximize import Maximize


def objective_for(asked: "Maximize", recipe: Recipe, model: Adapter, targets: Sequence[Target]) -> Objective:
    """One target per image. Those of one call are all classes or all none, and with diversity all the same target."""
    parts: list[tuple[str, Against]] = []
    if recipe.others and may_hold_others_down(model) and None not in [target.class_index for target in targets]:
        parts.append(_against_others(recipe.others, model, targets))
    if asked.diversity:
        parts.append(_against_likeness(asked.diversity, model, targets[0]))
    if not parts:
        return Objective(model, tuple(targets))
    layers = tuple(dict.fromkeys(layer for layer, _ in parts))
    return Objective(model, tuple(targets), _sum([part for _, part in parts]), layers, bool(asked.diversity))


def may_hold_others_down(model: Adapter) -> bool:
    """Whether a class of this model has others whose scores before the softmax can be read."""
    return model.scores is not None and model.scores.logits is not None and model.scores.classes > 1


def _against_others(weight: float, model: Adapter, targets: Sequence[Target]) -> tuple[str, Against]:
    assert model.scores is not None and model.scores.logits is not None, "asked of models that have them"
    layer = model.scores.logits
    classes = torch.tensor([target.class_index for target in targets])

    def against(values: Mapping[str, Tensor], start: int, stop: int) -> Tensor:
        logits = values[layer].flatten(1)
        return weight * other_classes(logits, classes[start:stop].to(logits.device))

    return layer, against


def _against_likeness(weight: float, model: Adapter, target: Target) -> tuple[str, Against]:
    """How alike images are is read where the target is; for a class, off the last layer with positions."""
    maps = [grid.layer.name for grid in grids(model) if min(grid.size) > 1]
    layer = maps[-1] if maps and target.class_index is not None else target.layers[0]
    model.note(f"starts are driven apart by what they are like at {layer}")
    return layer, lambda values, start, stop: weight * diversity(values[layer])


def _sum(parts: Sequence[Against]) -> Against:
    def against(values: Mapping[str, Tensor], start: int, stop: int) -> Tensor:
        return torch.stack([part(values, start, stop) for part in parts]).sum(0)

    return against
