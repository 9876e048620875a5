"""Baselines: the image without its content, from which an attribution starts."""

import numpy as np

from viz.core.adapter import Adapter
from viz.core.preprocess import Preprocess
from viz.core.result import FloatArray
from viz.techniques._blur import blurred

BASELINES = ("mean", "black", "white", "gray", "blur", "noise")
_BLUR_PART = 0.1  # of the image's side: nothing recognisable is left


def baseline_images(name: str, model: Adapter, images: FloatArray, seed: int) -> FloatArray:
    """The baseline of each image (b, 3, h, w), in pixels.

    `mean` is the colour that the model's normalization maps to zero: the mean of its training set. `blur`
    keeps only the large patches of colour; `noise` is uniform and seeded, the same for every image.
    """
    if name == "mean":
        return np.broadcast_to(zero_colour(model.preprocess)[None, :, None, None], images.shape).astype(np.float32)
    if name == "blur":
        return np.stack([blurred(image, _BLUR_PART * min(image.shape[1:])) for image in images])
    if name == "noise":
        noise = np.random.default_rng(seed).random(images.shape[1:], np.float32)
        return np.broadcast_to(noise, images.shape).astype(np.float32)
    return np.full_like(images, {"black": 0.0, "white": 1.0, "gray": 0.5}[name])


def zero_colour(preprocess: Preprocess) -> FloatArray:
    """RGB (3,) of the pixel that becomes zero, or nearest to it, in every channel of the model's input.

    Kept within [0, 1]: where a model maps no colour to zero, it is the nearest there is.
    """
    weights, offset = preprocess.matrix()
    colour, *_ = np.linalg.lstsq(weights.astype(np.float64), -offset.astype(np.float64), rcond=None)
    found: FloatArray = np.clip(colour, 0, 1).astype(np.float32)
    return found
