"""A picture that was made: saved, read back from its file, and shown to the model as any photo is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from viz.core import images
from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.fitting import Fitted
from viz.core.images import Photo
from viz.core.making import GivenPhoto, Picture
from viz.core.result import FloatArray
from viz.core.target import Target, ranked_classes
from viz.engine.made_groups import Planned
from viz.engine.records import PREVIEW_SIDE, Record, predictions, short, truth_name
from viz.engine.run_folder import RunFolder
from viz.engine.saving import ORIGINAL_SIDE, small_jpeg
from viz.render import animation_bytes, curve

_TOP = 5


@dataclass(frozen=True)
class Made:
    """A picture that the maker gave, and what belongs to it."""

    planned: Planned
    photo: GivenPhoto | None
    picture: Picture


def checked(made: Made) -> Made | ImageError:
    """The same, or why nothing of it can be used; an array (3, h, w) of finite numbers is what is needed."""
    image = made.picture.image
    if not np.isfinite(image).all():
        return ImageError("what was made is not all finite numbers", "try smaller steps, or more regularization")
    if image.ndim != 3 or len(image) != 3:
        raise TypeError(f"{made.planned.name}: an image has shape {image.shape}, not (3, h, w)")
    if taken := {"picture", "arrays", "original", "preview", "curve", "animation"} & {
        *made.picture.panels,
        *made.picture.plots,
    }:
        raise TypeError(f"{made.planned.name}: a panel cannot be called {', '.join(taken)}")
    return made


def save(folder: RunFolder, made: Made, animation: str) -> tuple[dict[str, str], list[str]]:
    """Write everything that belongs to a picture; returns the files by what they are, and what is worth a warning."""
    picture, key, warnings = made.picture, made.planned.key, []
    files = {"picture": f"{key}.png", "arrays": f"{key}.npz"}
    folder.write(files["picture"], images.png_bytes(picture.pixels))
    folder.write_arrays(files["arrays"], picture.arrays)
    panels = dict(picture.panels)
    if (values := picture.arrays.get("curve")) is not None:
        panels["curve"] = curve(values, "objective")
    panels |= {name: curve(plot.values, plot.label, plot.names, plot.marks) for name, plot in picture.plots.items()}
    for name, panel in panels.items():
        files[name] = f"{key}.{name}.png"
        folder.write(files[name], images.png_bytes(panel))
    folder.write_all(f"frames/{key}", [images.png_bytes(frame) for frame in picture.frames], ".png")
    if animation and picture.frames:
        files["animation"] = key + animation
        folder.write(files["animation"], animation_bytes(picture.frames, animation))
    elif animation:
        warnings.append("there is no animation: no pictures of the way were kept")
    return {**files, **_copies(folder, made)}, warnings


def _copies(folder: RunFolder, made: Made) -> dict[str, str]:
    """Small copies for the page: of the photo, and of a picture too large for a gallery."""
    key, files = made.planned.key, {}
    if made.photo is not None:
        files["original"] = f"originals/{key}.jpg"
        folder.write(files["original"], small_jpeg(made.photo.photo.pixels, ORIGINAL_SIDE))
    if max(made.picture.pixels.shape[:2]) > 2 * PREVIEW_SIDE:
        files["preview"] = f"previews/{key}.jpg"
        folder.write(files["preview"], small_jpeg(made.picture.pixels, PREVIEW_SIDE))
    return files


@dataclass(frozen=True)
class Seen:
    """What the model, run forward, says of a saved picture.

    `score` is the target's value, None without a target; `top` as in `viz.engine.records.predictions`.
    """

    photo: Photo
    fitted: Fitted
    score: float | None
    top: Any


def seen(model: Adapter, files: Sequence[Path], targets: Sequence[Target | None], ranked: bool = True) -> list[Seen]:
    """Saved pictures, read back from disk and through the model's own preprocessing and forward runtime.

    Without `ranked`, what the model takes them for is not asked: they are pictures of the model, not for it.
    """
    photos = [images.read(file) for file in files]
    fitted = [images.fit(photo, model.preprocess) for photo in photos]
    batch = np.stack([one.pixels for one in fitted])
    batch.flags.writeable = False  # so that the classes and the targets are read off one pass
    tops: list[Any] = [None] * len(files)
    if model.scores is not None and ranked:
        tops = [(order[:_TOP], shares) for order, shares in zip(*ranked_classes(model, batch), strict=True)]
    scores = _scores(model, batch, targets)
    return [Seen(*parts) for parts in zip(photos, fitted, scores, tops, strict=True)]


def _scores(model: Adapter, batch: FloatArray, targets: Sequence[Target | None]) -> list[float | None]:
    """Each picture's own target; those of the same layers are read off the same passes."""
    scores: list[float | None] = [None] * len(targets)
    for layers in dict.fromkeys(target.layers for target in targets if target is not None):
        values = model.run(batch, layers)
        for index, target in enumerate(targets):
            if target is not None and target.layers == layers:
                own = {name: array[index : index + 1] for name, array in values.items()}
                scores[index] = float(target.of(own)[0])
    return scores


def record_of(model: Adapter, made: Made, shown: Seen, files: dict[str, str], warnings: Sequence[str]) -> Record:
    """The line of results.jsonl about a picture."""
    piece, target, box = made.planned.piece, made.picture.target, shown.fitted.box
    told = made.photo
    return {
        "name": made.planned.name,
        "key": made.planned.key,
        "status": "done",
        "sha256": "" if told is None else told.photo.sha256,
        "size": list(shown.photo.size),
        "box": [short(float(v)) for v in (box.left, box.top, box.right, box.bottom)],
        "truth": None if told is None else truth_name(model, told.truth),
        "target": _as_plain(target),
        "predictions": predictions(model, shown.top),
        "numbers": _figures(made.picture, shown),
        "warnings": [*made.picture.warnings, *warnings],
        "files": files,
        "row": piece.row,
        "column": piece.column,
    }


def _as_plain(target: Target | None) -> Record:
    if target is None:
        return {"label": "", "class_index": None, "score": ""}
    return {"label": target.label, "class_index": target.class_index, "score": target.score}


def _figures(picture: Picture, shown: Seen) -> Record:
    """What the saved file reaches, its score, and its confidence where the target is a class; then the maker's own."""
    found: Record = {}
    if picture.target is not None:
        found["score"] = short(shown.score)
        if picture.target.class_index is not None and shown.top is not None:
            found["confidence"] = short(shown.top[1][picture.target.class_index])
    # What is measured on the file counts, not what a maker says of it before it is rounded.
    return {**found, **{name: short(value) for name, value in picture.numbers.items() if name not in found}}
