"""Options of `viz maximize` that cannot go together, or that would do nothing: said before anything is made."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from viz.core.adapter import Adapter
from viz.core.errors import UsageError
from viz.core.target import Target
from viz.techniques._photo_fit import own_size
from viz.techniques.synthesis._aims import may_hold_others_down
from viz.techniques.synthesis._canvas import size_of
from viz.techniques.synthesis._recipes import Recipe, interval
from viz.techniques.synthesis._starts import check_start

if TYPE_CHECKING:
    from viz.techniques.synthesis.maximize import Maximize


def check_recipe(asked: "Maximize") -> None:
    """Raise `UsageError` for dials that do not go together, whatever the model."""
    recipe = asked.recipe
    _check_shares(recipe)
    _check_starts(asked, recipe)
    _check_parameters(asked, recipe)
    _check_optimizer(asked, recipe)
    _check_effects(asked, recipe)


def check_canvas(asked: "Maximize", model: Adapter) -> None:
    """Raise `UsageError` for a size that is none, and for a jitter that moves an image of that size out of sight."""
    size = size_of(asked.image_size, own_size(model.preprocess))
    if asked.jitter is not None and asked.jitter >= min(size):
        problem = f"--jitter {asked.jitter} moves an image of {size[0]}x{size[1]} out of sight"
        raise UsageError(problem, f"take less than {min(size)}")


def check_others(asked: "Maximize", model: Adapter, targets: Sequence[Target]) -> None:
    """Raise `UsageError` where `--others` is asked for, and there are no other classes to hold down."""
    if not asked.others:
        return
    for target in targets:
        if target.class_index is None:
            raise UsageError(f"--others holds other classes down, and {target.label} is no class", "leave it out")
    if not may_hold_others_down(model):
        problem = f"--others needs the scores of other classes before the softmax, which {model.source.name} has not"
        raise UsageError(problem, "leave it out")


def _check_shares(recipe: Recipe) -> None:
    if recipe.scale:
        interval(recipe.scale, "scale")
    if recipe.boxes and interval(recipe.boxes, "boxes")[1] > 1:
        raise UsageError(f"--boxes {recipe.boxes}: a box cannot be larger than the image", "give shares up to 1")


def _check_starts(asked: "Maximize", recipe: Recipe) -> None:
    check_start(recipe.start)
    if asked.starts > 1 and not recipe.leaves_chance:
        start = f"all {asked.starts} starts would give the same image: they start from {recipe.start}"
        raise UsageError(f"{start} and nothing is random", "add --start noise, or transformations such as --jitter 8")
    if asked.diversity and asked.starts < 2:
        raise UsageError("--diversity drives images of one target apart, and there is one start", "add --starts 4")


def _check_parameters(asked: "Maximize", recipe: Recipe) -> None:
    if recipe.parameters != "pixels" and recipe.tends_pixels:
        hint = "add --parameters pixels, or --blur 0 --clip-norm 0 --clip-contribution 0"
        raise UsageError(f"blurring and clipping change pixels, and the parameters are {recipe.parameters}", hint)
    if recipe.parameters == "phase" and recipe.start != "noise":
        hint = "leave --start out, or take --parameters fourier"
        raise UsageError(f"--start {recipe.start}: a phase starts from noise", hint)
    if asked.magnitude_from and recipe.parameters != "phase":
        hint = "add --parameters phase, or --preset maco"
        raise UsageError(f"--magnitude-from fixes a spectrum, and the parameters are {recipe.parameters}", hint)


def _check_optimizer(asked: "Maximize", recipe: Recipe) -> None:
    if recipe.optimizer == "lbfgs" and (recipe.is_random or recipe.tends_pixels):
        changing = "random transformations" if recipe.is_random else "blurring or clipping"
        hint = "add --preset simonyan, or take --optimizer adam"
        raise UsageError(f"lbfgs needs the same objective in every step, and there is {changing}", hint)


def _check_effects(asked: "Maximize", recipe: Recipe) -> None:
    """Options that are given, and would do nothing."""
    if asked.pad and not recipe.moves:
        hint = "add --jitter, --rotate or --scale, or leave it out"
        raise UsageError(f"--pad {asked.pad} is seen only where the image moves, and it does not", hint)
    if asked.blur_every is not None and not recipe.tends_pixels:
        hint = "add --blur, --clip-norm or --clip-contribution, or leave it out"
        raise UsageError(f"--blur-every {asked.blur_every} says how often, and there is nothing to do", hint)
