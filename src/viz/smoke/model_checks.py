"""Does the model itself behave: finite scores, that follow the image and not its neighbours in the batch?"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from viz.core.adapter import Adapter, per_image
from viz.core.images import Photo, fit
from viz.core.result import FloatArray
from viz.model_zoo.shape_pictures import draw
from viz.smoke.check import Check, Failed, check

SAMPLES = 3
# Of the largest score: above what float16 loses when a batch is computed in another order, far below another image.
_BATCH_TOLERANCE = 0.01


def sample_images(model: Adapter) -> FloatArray:
    """Three generated pictures, fitted to the model as its photos are: (3, 3, h, w) in [0, 1]."""
    photos = [Photo(draw(index).pixels, sha256="") for index in range(SAMPLES)]
    return np.stack([fit(photo, model.preprocess).pixels for photo in photos])


def model_checks(model: Adapter, images: FloatArray) -> Iterator[Check]:
    """Run the model on `images` and look at its scores; where it has none, at its first output."""
    layer = score_layer(model)
    yield check("model", "finite scores", partial(_finite, model, images, layer))
    yield check("model", "batch equals singles", partial(_same_alone, model, images, layer))
    yield check("model", "follows the image", partial(_differ, model, images, layer))


def score_layer(model: Adapter) -> str:
    """The tensor with the class scores, or the first output."""
    found = (model.scores.logits or model.scores.probabilities) if model.scores else None
    return found or model.outputs[0]


def _read(model: Adapter, images: FloatArray, layer: str) -> FloatArray:
    return per_image(model.run(images, [layer])[layer])


def _finite(model: Adapter, images: FloatArray, layer: str) -> None:
    values = _read(model, images, layer)
    broken = int((~np.isfinite(values)).sum())
    if broken:
        raise Failed(f"{broken} of {values.size} values of {layer} are not finite")


def _same_alone(model: Adapter, images: FloatArray, layer: str) -> None:
    together = _read(model, images, layer)
    alone = np.concatenate([_read(model, images[i : i + 1], layer) for i in range(len(images))])
    if together.shape != alone.shape:
        raise Failed(f"{layer} has shape {together.shape} for a batch, and {alone.shape} for its images one by one")
    with np.errstate(invalid="ignore"):  # infinite minus infinite: what is not a number fails below
        apart = float(np.abs(together - alone).max())
    largest = float(np.abs(alone).max())
    if not apart <= _BATCH_TOLERANCE * largest:  # said this way round, what is not a number fails too
        raise Failed(f"{layer} differs by {apart:.3g} between a batch and single images, the largest is {largest:.3g}")


def _differ(model: Adapter, images: FloatArray, layer: str) -> None:
    values = _read(model, images, layer)
    if np.array_equal(values[0], values[1], equal_nan=True):
        raise Failed(f"{layer} is the same for two different pictures")
