"""What is put in place of a hidden part of an image."""

import numpy as np

from viz.core.errors import UsageError
from viz.core.result import FloatArray
from viz.techniques._blur import blurred

NAMES = ("black", "gray", "mean", "blur", "noise")
_COLOURS = {"black": (0.0, 0.0, 0.0), "gray": (0.5, 0.5, 0.5)}


def fill_images(fill: str, images: FloatArray, patch: int, seed: int) -> FloatArray:
    """For images (b, 3, h, w), the images (b, 3, h, w) from which hidden parts are cut; pixels in [0, 1].

    black is 0; gray is 0.5; mean is each image's own mean colour; blur is the image itself without detail smaller
    than the patch; noise is seeded and uniform, the same for every image; `R,G,B` is a colour in 0-255.
    """
    if fill == "mean":
        return np.broadcast_to(images.mean(axis=(2, 3), keepdims=True), images.shape)
    if fill == "blur":
        return np.stack([blurred(image, sigma=patch / 2) for image in images])
    if fill == "noise":
        noise = np.random.default_rng(seed).random(images.shape[1:], np.float32)
        return np.broadcast_to(noise, images.shape)
    colour = _COLOURS.get(fill) or _colour(fill)
    return np.broadcast_to(np.array(colour, np.float32)[:, None, None], images.shape)


def _colour(text: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != 3 or not all(0 <= v <= 255 for v in values):
        raise UsageError(
            f"--fill {text!r} is neither {', '.join(NAMES)} nor a colour",
            "a colour is R,G,B in 0-255: --fill 127,127,127",
        )
    return tuple(v / 255 for v in values)
