"""Where an optimization begins: black, gray, noise or an image, in the parameters that a recipe asks for."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from viz.core import images as image_files
from viz.core.adapter import Adapter
from viz.core.errors import ImageError, UsageError
from viz.core.fitting import fit_pixels
from viz.core.preprocess import Preprocess
from viz.core.result import FloatArray
from viz.techniques.synthesis._fourier import Fourier
from viz.techniques.synthesis._fourier_phase import FourierPhase
from viz.techniques.synthesis._magnitudes import magnitude_from, natural_magnitude
from viz.techniques.synthesis._optimization import Parameters
from viz.techniques.synthesis._pixels import Pixels

if TYPE_CHECKING:
    from viz.techniques.synthesis.maximize import Maximize

_SPREAD = 0.05  # standard deviation of the noise that pixels start from, around mid-gray


def parameters_for(asked: "Maximize", model: Adapter, starts: Sequence[int], size: tuple[int, int]) -> Parameters:
    """The parameters of as many images as there are `starts`, each with its own chance."""
    recipe, count, gray = asked.recipe, len(starts), is_gray(asked.colours, model)
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
    """The colour that becomes zero in the model's input, as near as [0, 1] allows: its mean colour; black without one."""
    weights, offset = preprocess.matrix()
    colour = np.linalg.lstsq(weights.astype(np.float64), -offset.astype(np.float64), rcond=None)[0]
    red, green, blue = np.clip(colour, 0, 1).tolist()
    return red, green, blue


def _start(kind: str, model: Adapter, size: tuple[int, int], count: int, seed: int) -> Tensor:
    """Images (count, 3, h, w) in [0, 1]."""
    if kind == "noise":
        drawn = torch.randn((count, 3, *size), generator=torch.Generator().manual_seed(seed))
        return (0.5 + _SPREAD * drawn).clamp(0, 1)
    if kind in ("zero", "gray"):
        colour = models_zero(model.preprocess) if kind == "zero" else (0.5, 0.5, 0.5)
        return torch.tensor(colour, dtype=torch.float32).view(1, 3, 1, 1).repeat(count, 1, *size)
    return torch.from_numpy(_image(kind, size))[None].repeat(count, 1, 1, 1)


def _image(path: str, size: tuple[int, int]) -> FloatArray:
    """The middle of an image file, (3, h, w)."""
    try:
        photo = image_files.read(Path(path).expanduser())
    except ImageError as problem:
        hint = "give zero, gray, noise, or the path of an image"
        raise UsageError(f"--start {path}: {problem.problem}", problem.next_step or hint) from None
    return fit_pixels(photo.pixels, Preprocess(size=size, crop="center")).pixels
