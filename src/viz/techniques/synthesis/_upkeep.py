"""A recipe's penalties, and what it does to the pixels every few steps."""

from collections.abc import Callable

import torch
from torch import Tensor

from viz.core.adapter import Adapter
from viz.techniques.synthesis._colours import Colour
from viz.techniques.synthesis._natural_colours import to_gray
from viz.techniques.synthesis._optimization import Parameters, Penalty, Upkeep
from viz.techniques.synthesis._pruning import blur, clip_small_contribution, clip_small_norm
from viz.techniques.synthesis._recipes import Recipe
from viz.techniques.synthesis._regularizers import AlphaNorm, Decay, TotalVariation
from viz.techniques.synthesis._starts import models_zero


def penalties(recipe: Recipe, model: Adapter) -> list[Penalty]:
    """The penalties that have a weight; decay is towards the model's own zero, as in the paper."""
    centre = models_zero(model.preprocess)
    found: list[Penalty] = []
    if recipe.decay:
        found.append(Decay(recipe.decay, centre=centre))
    if recipe.alpha_norm:
        found.append(AlphaNorm(recipe.alpha_norm))
    if recipe.total_variation:
        found.append(TotalVariation(recipe.total_variation))
    return found


def upkeep(recipe: Recipe, parameters: Parameters, model: Adapter) -> list[Upkeep]:
    """What is done to the pixels after every `blur_every` steps, in the order of Yosinski et al. 2015, section 3."""
    gray = _of_planes(models_zero(model.preprocess), parameters)
    acts: list[Callable[[Tensor, Tensor], Tensor]] = []
    if recipe.blur:
        acts.append(lambda pictures, gradient: blur(pictures, recipe.blur))
    if recipe.clip_norm:
        acts.append(lambda pictures, gradient: clip_small_norm(pictures, recipe.clip_norm, gray))
    share = recipe.clip_contribution
    if share:
        acts.append(lambda pictures, gradient: clip_small_contribution(pictures, gradient, share, gray))
    if not acts:
        return []

    def keep(gradient: Tensor, done: int) -> None:
        if done % recipe.blur_every:
            return
        (pixels,) = parameters.tensors
        with torch.no_grad():
            for act in acts:
                pixels.copy_(act(pixels, gradient))

    return [keep]


def _of_planes(colour: tuple[float, float, float], parameters: Parameters) -> Colour:
    """A colour as the parameters hold it: itself, or for images of one plane its gray."""
    if parameters.tensors[0].shape[1] == 3:
        return colour
    return float(to_gray(torch.tensor(colour).view(1, 3, 1, 1)))
