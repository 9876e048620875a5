"""Fooling images from noise: pictures of nothing that a model is sure of, confirmed on the bytes that are saved."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.errors import ImageError, UsageError
from viz.core.fitting import fit_pixels
from viz.core.images import to_bytes
from viz.core.making import Picture, Watch
from viz.core.preprocess import Preprocess
from viz.core.result import Number
from viz.core.target import class_target
from viz.techniques.attack._cppn import CppnEncoding
from viz.techniques.attack._direct_encoding import DirectEncoding
from viz.techniques.attack._evolution import evolved
from viz.techniques.attack._found import Found
from viz.techniques.attack._recognition import Recognition, log_odds_of

Value = TypeVar("Value", np.uint8, np.float32)
METHODS = ("gradient", "direct", "cppn")

_MARGIN = 0.1  # of what is missing to certainty: kept above what was asked for


def fooling_images(
    model: Adapter,
    classes: Sequence[int],
    method: str,
    confidence: float,
    steps: int,
    seed: int = 0,
    watch: Watch | None = None,
) -> list[Picture | ImageError]:
    """One picture for each class that the model recognises as it with at least `confidence`, or the best there is.

    `gradient` climbs from noise; `direct` and `cppn` evolve pictures for all classes at once, with forward passes
    only. `steps` are steps or generations at most. The confidence in `numbers` is that of the saved bytes, cropped as
    any photo and run; `success` is 1 where it is enough. On Ctrl-C: the best so far, and `watch.interrupted` is set.
    Source: Nguyen, Yosinski & Clune 2015, arXiv 1412.1897.

    Raises `UsageError` for a model without class scores, a class that it does not have or a confidence that cannot
    be, and `NotSupported` for `gradient` where the model has no gradient.
    """
    _check(model, classes, method, confidence)
    if not classes:
        return []
    batched = model if isinstance(model, BatchedAdapter) else BatchedAdapter(model)
    goal = log_odds_of(confidence + _MARGIN * (1 - confidence))
    found = _search(batched, classes, method, goal, steps, seed, watch or Watch())
    return [_judged(batched, index, one, method, confidence) for index, one in zip(classes, found, strict=True)]


def _check(model: Adapter, classes: Sequence[int], method: str, confidence: float) -> None:
    if not 0 < confidence < 1:
        raise UsageError(f"confidence is {confidence:g}", "give a probability between 0 and 1, such as 0.996")
    if method not in METHODS:
        raise UsageError(f"there is no way {method!r} to make a fooling image", f"choose {', '.join(METHODS)}")
    for index in classes:
        class_target(model, index)  # raises for one that the model does not have


def _search(
    model: Adapter, classes: Sequence[int], method: str, goal: float, steps: int, seed: int, watch: Watch
) -> list[Found]:
    if method == "gradient":
        from viz.techniques.attack._gradient_ascent import ascended

        return ascended(model, classes, goal, steps, seed, watch)
    encoding = CppnEncoding(model.size) if method == "cppn" else DirectEncoding(model.size)
    return evolved(model, encoding, classes, goal, steps, seed, watch)


def _judged(model: Adapter, index: int, found: Found, method: str, wanted: float) -> Picture | ImageError:
    """The picture as it is saved, with the confidence that its bytes get."""
    exact = framed(to_bytes(found.image), model.preprocess)
    recognition = Recognition.of(model)
    scores = recognition.scores(model, fit_pixels(exact, model.preprocess).pixels[None])
    reached = float(recognition.confidences(scores)[0, index])
    if not np.isfinite(reached):
        return ImageError("the model gives scores that are not finite for this picture", "try another --seed")
    success = reached >= wanted
    what = "steps" if method == "gradient" else "generations"
    numbers: dict[str, Number] = {"success": int(success), "confidence": reached, what: found.steps}
    if method != "gradient":
        numbers["evaluations"] = found.evaluations
    image = np.moveaxis(framed(np.moveaxis(found.image, 0, 2), model.preprocess), 2, 0)
    return Picture(
        {"image": np.ascontiguousarray(image), "curve": found.curve},
        numbers,
        () if success else (_not_reached(reached, wanted, found.steps, what),),
        target=class_target(model, index),
        exact=exact,
        frames=tuple(framed(frame, model.preprocess) for frame in found.frames),
    )


def _not_reached(reached: float, wanted: float, steps: int, what: str) -> str:
    return (
        f"recognised with a confidence of {reached:.2%} only after {steps} {what}, not the {wanted:.2%} that were "
        f"asked for: give more --{what}, or another --seed"
    )


def framed(image: NDArray[Value], preprocess: Preprocess) -> NDArray[Value]:
    """A picture (h, w, 3) of the model's input size as the file that the model sees it in, pixel for pixel.

    Where preprocessing cuts off a border, the inside is mirrored into it: (H, W, 3).
    """
    from viz.techniques._photo_fit import own_size

    height, width = own_size(preprocess)
    box = fit_pixels(np.zeros((height, width, 3), np.uint8), preprocess).box
    top, left = round(box.top), round(box.left)
    border = ((top, height - image.shape[0] - top), (left, width - image.shape[1] - left), (0, 0))
    return np.pad(image, border, "symmetric")
