"""How images that were made compare with photos: the part of them that excites the target less."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from viz.core.adapter import Adapter
from viz.core.batching import worth_at_once
from viz.core.errors import ImageError
from viz.core.images import Photo, fit
from viz.core.making import Photos, Picture
from viz.core.result import FloatArray
from viz.core.target import Target


def compared(pictures: Sequence[Picture], model: Adapter, photos: Photos) -> list[Picture]:
    """The pictures with their percentiles among the photos: 100 is above all of them. Themselves without photos.

    What counts is the target of each picture as it is saved, by the model's own forward pass.
    """
    if not len(photos):
        return list(pictures)
    targets = list(dict.fromkeys(picture.target for picture in pictures if picture.target is not None))
    values, problems = _of_photos(targets, model, photos)
    return [_compared(picture, model, values, problems) for picture in pictures]


def _compared(picture: Picture, model: Adapter, values: dict[Target, FloatArray], problems: list[str]) -> Picture:
    if picture.target is None:
        return picture
    real = values[picture.target]
    numbers = dict(picture.numbers)
    if len(real):
        seen = fit(Photo(picture.pixels, sha256=""), model.preprocess).pixels
        score = picture.target.of(model.run(seen[None], list(picture.target.layers)))[0]
        numbers |= {"percentile": float((real < score).mean() * 100), "best_photo": float(real.max())}
    left_out = [f"{len(problems)} photo(s) could not be compared with: {problems[0]}"] if problems else []
    return replace(picture, numbers=numbers, warnings=(*picture.warnings, *left_out))


def _of_photos(targets: Sequence[Target], model: Adapter, photos: Photos) -> tuple[dict[Target, FloatArray], list[str]]:
    """All photos' values of each target, every photo decoded and run once; and why some have none."""
    layers = list(dict.fromkeys(name for target in targets for name in target.layers))
    found: dict[Target, list[FloatArray]] = {target: [] for target in targets}
    problems: list[str] = []
    for batch in _batches(model, photos, problems):
        values = model.run(batch, layers)
        for target in targets:
            found[target].append(target.of(values))
    return {target: np.concatenate([*some, np.empty(0, np.float32)]) for target, some in found.items()}, problems


def _batches(model: Adapter, photos: Photos, problems: list[str]) -> Iterator[FloatArray]:
    """The photos as the model sees them, as many at once as suit it; what is wrong with the others goes to the list."""
    at_once = worth_at_once(model)
    for start in range(0, len(photos), at_once):
        pixels = []
        for index in range(start, min(start + at_once, len(photos))):
            try:
                pixels.append(fit(photos[index].photo, model.preprocess).pixels)
            except ImageError as problem:
                problems.append(f"{photos.names[index]}: {problem.problem}")
        if pixels:
            yield np.stack(pixels)
