"""Does a technique that makes images work on this model: does it run, and are its images finite, and the same again?"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ImageError, NotSupported, UsageError
from viz.core.images import Photo
from viz.core.making import GivenPhoto, Picture, Piece, Watch
from viz.core.target import Target
from viz.model_zoo.shape_pictures import draw
from viz.smoke.check import Check, Failed, Outcome, check, reason
from viz.smoke.technique_checks import finite, repeats
from viz.smoke.tiny_settings import tiny_settings

_PHOTOS = 2


class _SamplePhotos:
    """`viz.core.making.Photos`: generated pictures, named by their numbers."""

    def __init__(self, count: int):
        self.names: Sequence[str] = [f"sample-{index}.png" for index in range(count)]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> GivenPhoto:
        return GivenPhoto(self.names[index], Photo(draw(index).pixels, sha256=""))


def maker_checks(technique: Any, model: Adapter, target: Target) -> Iterator[Check]:
    """Make the first group of images at the technique's tiny settings, twice, and look at them.

    `target` is one that the model has, for settings that name one (`tiny_settings`). A technique that does not
    apply to the model is skipped, with the reason; so is one that asks for a class where the model has none.
    Generated pictures are the photos of one that needs some, with these settings or with any.
    """
    with tempfile.TemporaryDirectory(prefix="viz-smoke-") as folder:
        yield from _checks(technique, model, tiny_settings(technique, target, Path(folder)))


def _checks(technique: Any, model: Adapter, settings: dict[str, Any]) -> Iterator[Check]:
    name, started = technique.info.name, time.perf_counter()
    try:
        chosen = technique(**settings)
        photos, pictures = _first_made(chosen, model)
    except Exception as problem:  # a technique may come from anywhere: whatever it raises is what is wrong with it
        no_such_class = isinstance(problem, UsageError) and model.scores is None
        outcome: Outcome = "skipped" if isinstance(problem, NotSupported) or no_such_class else "failed"
        yield Check(name, "runs", outcome, time.perf_counter() - started, reason(problem))
        return
    yield Check(name, "runs", "passed", time.perf_counter() - started)
    yield check(name, "finite", partial(finite, pictures))
    yield check(name, "shape", partial(_shaped, pictures))
    yield check(name, "same again", partial(_again, chosen, model, photos, pictures))


def _first_made(technique: Any, model: Adapter) -> tuple[_SamplePhotos, list[Picture]]:
    """Pictures, without photos where that may be and these settings allow it, and what photos there were."""
    without, some = _SamplePhotos(0), _SamplePhotos(_PHOTOS)
    if technique.info.makes == "optional":
        try:
            return without, _made(technique, model, without)
        except UsageError:
            return some, _made(technique, model, some)
    return some, _made(technique, model, some)


def _made(technique: Any, model: Adapter, photos: _SamplePhotos) -> list[Picture]:
    """The pictures of the first group, one for each piece."""
    groups: Sequence[Sequence[Piece]] = technique.pieces(model, photos)
    if not groups or not groups[0]:
        raise Failed("there is nothing that it would make")
    given = [None if piece.photo is None else photos[piece.photo] for piece in groups[0]]
    pictures = technique(model, groups[0], given, photos, Watch())
    if len(pictures) != len(groups[0]):
        raise Failed(f"{len(pictures)} pictures for {len(groups[0])} pieces")
    for picture in pictures:
        if isinstance(picture, ImageError):
            raise Failed(picture.problem)
    return list(pictures)


def _shaped(pictures: Sequence[Picture]) -> None:
    for picture in pictures:
        shape = picture.image.shape
        if len(shape) != 3 or shape[0] != 3 or 0 in shape:
            raise Failed(f"the image has shape {shape}, not (3, h, w)")
        if picture.image.min() < 0 or picture.image.max() > 1:
            raise Failed(
                f"values of the image are from {picture.image.min():.3g} to {picture.image.max():.3g}, not 0 to 1"
            )
        if picture.pixels.dtype != np.uint8 or picture.pixels.shape != (*shape[1:], 3):
            raise Failed(f"what is saved has shape {picture.pixels.shape}, the image {shape}")


def _again(technique: Any, model: Adapter, photos: _SamplePhotos, before: Sequence[Picture]) -> None:
    repeats(before, _made(technique, model, photos), model.source.device)
