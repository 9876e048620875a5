"""Where an optimization begins: the model's zero, gray, noise or an image, in the parameters that a recipe asks for."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from viz.core.adapter import Adapter
from viz.core.preprocess import Preprocess
from viz.techniques.synthesis._fourier import Fourier, chance
from viz.techniques.synthesis._fourier_phase import FourierPhase
from viz.techniques.synthesis._given_picture import given_photo, middle_of
from viz.techniques.synthesis._magnitudes import magnitude_from, natural_magnitude
from viz.techniques.synthesis._optimization import Parameters
from viz.techniques.synthesis._pixels import Pixels
from viz.techniques.synthesis._recipes import Recipe

if TYPE_CHECKING:
    from viz.techniques.synthesis.maximize import Maximize

KINDS = ("zero", "gray", "noise")
_SPREAD = 0.05  # standard deviation of the noise that pixels start from, around mid-gray


def parameters_for(asked: "Maximize", recipe: Recipe, model: Adapter, count: int, size: tuple[int, int]) -> Parameters:
    """The parameters of `count` images (h, w), each with its own chance by its place."""
    gray = is_gray(asked.colours, model)
    if recipe.parameters == "phase":
        magnitude = magnitude_from(asked.magnitude_from) if asked.magnitude_from else natural_magnitude()
        return FourierPhase(count, size, asked.seed, magnitude, gray=gray)
    if recipe.parameters == "fourier":
        given = None if recipe.start == "noise" else _start(recipe.start, model, size, count, asked.seed)
        return Fourier(count, size, asked.seed, start=given, gray=gray)
    first = _start(recipe.start, model, size, count, asked.seed)
    return Pixels(first, "sigmoid" if recipe.parameters == "sigmoid" else "box", gray=gray)


def is_gray(colours: str, model: Adapter) -> bool:
    """Whether images are to have one channel: asked for, or all that the model sees."""
    return model.preprocess.channels == "gray" if colours == "auto" else colours == "gray"


def models_zero(preprocess: Preprocess) -> tuple[float, float, float]:
    """The colour that becomes zero in the model's input, as near as [0, 1] allows: its mean colour; black without one.

    A gray for a model that sees gray only.
    """
    weights, offset = preprocess.matrix()
    if preprocess.channels == "gray":
        level = float(np.clip(-offset[0] / weights[0].sum(), 0, 1))
        return level, level, level
    colour = np.linalg.lstsq(weights.astype(np.float64), -offset.astype(np.float64), rcond=None)[0]
    red, green, blue = np.clip(colour, 0, 1).tolist()
    return red, green, blue


def check_start(start: str) -> None:
    """Raise `UsageError` where a start is neither a kind nor an image that can be used."""
    if start not in KINDS:
        given_photo("--start", start, "give zero, gray, noise, or the path of an image")


def _start(kind: str, model: Adapter, size: tuple[int, int], count: int, seed: int) -> Tensor:
    """Images (count, 3, h, w) in [0, 1]."""
    if kind == "noise":
        drawn = [torch.randn((3, *size), generator=chance(seed, index)) for index in range(count)]
        return (0.5 + _SPREAD * torch.stack(drawn)).clamp(0, 1)
    if kind in ("zero", "gray"):
        colour = models_zero(model.preprocess) if kind == "zero" else (0.5, 0.5, 0.5)
        return torch.tensor(colour, dtype=torch.float32).view(1, 3, 1, 1).repeat(count, 1, *size)
    return torch.from_numpy(middle_of(given_photo("--start", kind), size))[None].repeat(count, 1, 1, 1)
