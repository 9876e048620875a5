"""The making of `viz invert`: a photo's embedding, the images rebuilt from it, the best of them as a picture."""

from typing import TYPE_CHECKING

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.images import Photo, fit, to_bytes, to_float
from viz.core.making import Picture, Plot, Watch, rounded
from viz.core.preprocess import Preprocess
from viz.core.result import FloatArray
from viz.core.target import Target, class_target, ranked_classes
from viz.techniques._photo_fit import PhotoFit, own_size
from viz.techniques.synthesis._canvas import mirrored
from viz.techniques.synthesis._embedding_error import EmbeddingError, embedding_error, nearness
from viz.techniques.synthesis._inversion import Rebuilt, penalty, rebuilt
from viz.techniques.synthesis._layer_choice import depth_of
from viz.techniques.synthesis._objective import Objective

if TYPE_CHECKING:
    from viz.techniques.synthesis.invert import Invert

SAME = 100.0  # dB: what two equal pictures are said to have, above what any two others of usual size reach


def original(model: Adapter, photo: Photo) -> Picture:
    """What the model sees of a photo, on a canvas that shows it exactly that."""
    seen = fit(photo, model.preprocess).pixels
    return Picture({"image": on_canvas(seen, model.preprocess)}, target=_top_class(model, seen))


def inverted(asked: "Invert", model: Adapter, layer: str, photo: Photo, watch: Watch) -> Picture | ImageError:
    """The photo rebuilt from one layer; an error where the layer holds nothing of it."""
    seen = fit(photo, model.preprocess).pixels
    try:
        error = embedding_error(model.layer(layer), model.run(seen[None], [layer])[layer][0])
    except ImageError as problem:
        return problem
    objective = Objective(model, (nearness(error),) * asked.repeats)
    depth = depth_of(model, layer)
    found = rebuilt(asked, model, objective, depth, watch)
    return _picture(model, error, seen, found, penalty(asked, depth)(rounded(found.pictures)))


def _picture(model: Adapter, error: EmbeddingError, seen: FloatArray, found: Rebuilt, penalties: FloatArray) -> Picture:
    """The one with the smallest loss, as its file will have it and as the model, run forward, measures it."""
    pictures = rounded(found.pictures)
    errors = np.asarray(error.read(model.run(pictures, [error.layer])), np.float64)
    losses = errors + penalties
    best = int(np.argmin(losses))
    numbers = {"error": float(errors[best]), "psnr": psnr(pictures[best], seen), "repeats": len(errors)}
    if len(errors) > 1:
        numbers |= {"best_repeat": best + 1, "largest_error": float(errors.max())}
    return Picture(
        {
            "image": on_canvas(pictures[best], model.preprocess),
            "errors": found.errors.astype(np.float32),
            "repeats": np.stack([errors, losses]).astype(np.float32),
        },
        numbers,
        _warnings(found, best),
        target=_top_class(model, seen),
        frames=tuple(to_bytes(on_canvas(to_float(one), model.preprocess)) for one in found.frames[best]),
        plots={"errors": _plot(found.errors)} if len(found.errors) else {},
    )


def on_canvas(image: FloatArray, preprocess: Preprocess) -> FloatArray:
    """An image (3, h, w) of the model's size in the middle of one that the model sees just that of."""
    size = own_size(preprocess)
    box = PhotoFit(size, preprocess).box
    canvas = np.zeros((3, *size), np.float32)
    canvas[:, int(box.top) : int(box.bottom), int(box.left) : int(box.right)] = image
    return mirrored(canvas, box)


def psnr(one: FloatArray, other: FloatArray) -> float:
    """Peak signal-to-noise ratio of two images in [0, 1], in dB; `SAME` where they are equal."""
    mean_square = float(np.square(one.astype(np.float64) - other).mean())
    return SAME if mean_square == 0 else float(-10 * np.log10(mean_square))


def _warnings(found: Rebuilt, best: int) -> tuple[str, ...]:
    if not found.still[best]:
        return ()
    return ("no gradient ever reached this image: the layer did not respond to the start; try --start noise",)


def _plot(errors: FloatArray) -> Plot:
    names = tuple(f"repeat {i + 1}" for i in range(errors.shape[1]))
    return Plot(errors, "normalised error", names if len(names) > 1 else ())


def _top_class(model: Adapter, seen: FloatArray) -> Target | None:
    """The model's first class for the photo: what the rebuilt image is asked for as well."""
    if model.scores is None:
        return None
    return class_target(model, int(ranked_classes(model, seen[None])[0][0, 0]))
