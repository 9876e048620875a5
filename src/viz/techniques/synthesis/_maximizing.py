"""The making of `viz maximize`: recipe and targets put together into one optimization, and pictures out of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from viz.core.adapter import Adapter, per_image
from viz.core.making import Photos, Picture, Piece, Watch
from viz.core.result import FloatArray
from viz.techniques._photo_fit import PhotoFit, own_size
from viz.techniques.synthesis import _wanted
from viz.techniques.synthesis._canvas import mirrored, size_of
from viz.techniques.synthesis._diversity import diversity, other_classes
from viz.techniques.synthesis._objective import Objective
from viz.techniques.synthesis._optimization import REDIRECTED_STEPS, Optimization, Upkeep, View, Way, optimize
from viz.techniques.synthesis._recipes import Recipe
from viz.techniques.synthesis._responses import Responses
from viz.techniques.synthesis._starts import parameters_for
from viz.techniques.synthesis._transformations import Transformations
from viz.techniques.synthesis._upkeep import penalties, upkeep

if TYPE_CHECKING:
    from viz.techniques.synthesis.maximize import Maximize


def maximized(
    asked: "Maximize", model: Adapter, pieces: Sequence[Piece], photos: Photos, watch: Watch
) -> Iterator[Picture]:
    """One picture for each piece of a group."""
    recipe, wanted = asked.recipe, _wanted.of(pieces)
    size = size_of(asked.image_size, own_size(model.preprocess))
    fit = PhotoFit(size, model.preprocess)
    moved = recipe.transformations
    plan = _plan(asked, model, wanted, fit, moved)
    way = optimize(plan, watch)
    seen_only = moved == Transformations()
    responses = Responses(model, photos)
    for i, (piece, one) in enumerate(zip(pieces, wanted, strict=True)):
        image = mirrored(way.pictures[i], fit.box) if seen_only else way.pictures[i]
        yield responses.compared(_picture(image, way, i, one, piece), model)


def _plan(
    asked: "Maximize", model: Adapter, wanted: Sequence[_wanted.Wanted], fit: PhotoFit, moved: Transformations
) -> Optimization:
    recipe = asked.recipe
    parameters = parameters_for(asked, model, [one.start for one in wanted], fit.size)
    return Optimization(
        objective=_objective(asked, model, wanted, recipe),
        parameters=parameters,
        view=_view(fit, moved),
        steps=recipe.steps,
        method=recipe.optimizer,
        learning_rate=recipe.learning_rate,
        penalties=penalties(recipe, model),
        upkeep=upkeep(recipe, parameters, model),
        redirected=min(REDIRECTED_STEPS, recipe.steps // 2),
        seed=asked.seed,
    )


def _view(fit: PhotoFit, moved: Transformations) -> View:
    if moved == Transformations():
        return lambda pictures, generator: fit(pictures)
    return lambda pictures, generator: fit(moved(pictures, generator))


def _objective(asked: "Maximize", model: Adapter, wanted: Sequence[_wanted.Wanted], recipe: Recipe) -> Objective:
    targets = tuple(one.target for one in wanted)
    parts: list[Callable[[Mapping[str, Tensor], int, int], Tensor]] = []
    layers: tuple[str, ...] = ()
    logits = model.scores.logits if model.scores else None
    classes = [target.class_index for target in targets]
    if recipe.others and logits and None not in classes:
        chosen = torch.tensor([index for index in classes if index is not None])
        parts.append(
            lambda values, start, stop: (
                recipe.others
                * other_classes(per_image_tensor(values[logits]), chosen[start:stop].to(values[logits].device))
            )
        )
        layers = (logits,)
    if asked.diversity and len(targets) > 1:
        layer = targets[0].layers[0]
        parts.append(lambda values, start, stop: asked.diversity * diversity(values[layer]))
        layers = (*layers, layer)
    if not parts:
        return Objective(model, targets)
    together = bool(asked.diversity)
    return Objective(
        model, targets, lambda v, a, b: sum((part(v, a, b) for part in parts), torch.zeros(())), layers, together
    )


def per_image_tensor(values: Tensor) -> Tensor:
    """Class scores (b, classes) from (b, classes) or (b, classes, 1, …)."""
    return values.flatten(1)


def _picture(image: FloatArray, way: Way, i: int, wanted: _wanted.Wanted, piece: Piece) -> Picture:
    warnings = []
    if way.still[i]:
        warnings.append(
            "no gradient ever reached this image: the unit stayed off; try --start noise, --preset lucid, or more --starts"
        )
    return Picture(
        {"image": image, "curve": way.curve[:, i]},
        {"steps": len(way.curve)},
        tuple(warnings),
        target=wanted.target,
        frames=tuple(way.frames[i]) if way.frames else (),
    )
