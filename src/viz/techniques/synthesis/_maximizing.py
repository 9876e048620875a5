"""The making of `viz maximize`: recipe and targets put together into one optimization, and pictures out of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from viz.core.adapter import Adapter
from viz.core.making import Photos, Picture, Piece, Watch
from viz.core.result import FloatArray
from viz.techniques._photo_fit import PhotoFit, own_size
from viz.techniques.synthesis import _wanted
from viz.techniques.synthesis._aims import objective_for
from viz.techniques.synthesis._canvas import mirrored, size_of, widened
from viz.techniques.synthesis._optimization import REDIRECTED_STEPS, Optimization, View, Way, optimize
from viz.techniques.synthesis._recipes import Recipe
from viz.techniques.synthesis._responses import compared
from viz.techniques.synthesis._starts import parameters_for
from viz.techniques.synthesis._transformations import Transformations
from viz.techniques.synthesis._upkeep import penalties, upkeep

if TYPE_CHECKING:
    from viz.techniques.synthesis.maximize import Maximize


def maximized(
    asked: "Maximize", model: Adapter, pieces: Sequence[Piece], photos: Photos, watch: Watch
) -> list[Picture]:
    """One picture for each piece of a group."""
    wanted = _wanted.of(pieces)
    fit = PhotoFit(size_of(asked.image_size, own_size(model.preprocess)), model.preprocess)
    recipe = asked.recipe_for(fit.size)
    way = optimize(_plan(asked, recipe, model, wanted, fit), watch)
    pictures = [
        _picture(_bordered(image, fit, recipe.transformations), way, index, one)
        for index, (image, one) in enumerate(zip(way.pictures, wanted, strict=True))
    ]
    return compared(pictures, model, photos)


def _plan(
    asked: "Maximize", recipe: Recipe, model: Adapter, wanted: Sequence[_wanted.Wanted], fit: PhotoFit
) -> Optimization:
    parameters = parameters_for(asked, recipe, model, len(wanted), fit.size)
    kept = upkeep(recipe, parameters, model)
    searches_lines = recipe.optimizer == "lbfgs"  # and would be led astray by gradients of something else
    return Optimization(
        objective=objective_for(asked, recipe, model, [one.target for one in wanted]),
        parameters=parameters,
        view=_view(fit, recipe.transformations),
        steps=recipe.steps,
        method=recipe.optimizer,
        learning_rate=recipe.learning_rate,
        penalties=penalties(recipe, model),
        upkeep=kept,
        redirected=0 if searches_lines else min(REDIRECTED_STEPS, recipe.steps // 2),
        seed=asked.seed,
        keep_best=not recipe.is_random and not kept,
    )


def _view(fit: PhotoFit, moved: Transformations) -> View:
    if moved == Transformations():
        return lambda pictures, generator: fit(pictures)
    return lambda pictures, generator: fit(moved(pictures, generator))


def _bordered(image: FloatArray, fit: PhotoFit, moved: Transformations) -> FloatArray:
    """An image whose border, as far as the model never saw it, mirrors the rest; random boxes see all of it."""
    if moved.boxes is not None:
        return image
    rows, columns = round(fit.box.bottom - fit.box.top), round(fit.box.right - fit.box.left)
    return mirrored(image, widened(fit.box, moved.reach((rows, columns))))


def _picture(image: FloatArray, way: Way, index: int, wanted: _wanted.Wanted) -> Picture:
    hint = "try --start noise, --preset lucid, or more --starts"
    still = (f"no gradient ever reached this image: the unit stayed off; {hint}",) if way.still[index] else ()
    return Picture(
        {"image": image, "curve": way.curve[:, index]},
        {"steps": len(way.curve)},
        still,
        target=wanted.target,
        frames=tuple(way.frames[index]) if way.frames else (),
    )
