"""How an image that was made compares with photos: the part of them that excites the target less."""

from dataclasses import replace

import numpy as np

from viz.core.adapter import Adapter
from viz.core.batching import worth_at_once
from viz.core.errors import ImageError
from viz.core.images import Photo, fit
from viz.core.making import Photos, Picture
from viz.core.result import FloatArray
from viz.core.target import Target


class Responses:
    """Real images' values of targets, each computed once."""

    def __init__(self, model: Adapter, photos: Photos):
        self._model, self._photos = model, photos
        self._known: dict[Target, FloatArray] = {}

    def compared(self, picture: Picture, model: Adapter) -> Picture:
        """The picture with its percentile among the photos, where there are any: 100 is above all of them."""
        if not len(self._photos) or picture.target is None:
            return picture
        real = self._of(picture.target)
        if not len(real):
            return replace(picture, warnings=(*picture.warnings, "no photo could be used to compare with"))
        seen = fit(Photo(picture.pixels, sha256=""), model.preprocess).pixels
        score = float(picture.target.of(model.run(seen[None], list(picture.target.layers)))[0])
        numbers = {"percentile": float((real < score).mean() * 100), "best_photo": float(real.max())}
        return replace(picture, numbers={**picture.numbers, **numbers})

    def _of(self, target: Target) -> FloatArray:
        if target not in self._known:
            at_once = worth_at_once(self._model)
            found = [self._some(target, start, start + at_once) for start in range(0, len(self._photos), at_once)]
            self._known[target] = np.concatenate(found)
        return self._known[target]

    def _some(self, target: Target, start: int, stop: int) -> FloatArray:
        pixels = []
        for index in range(start, min(stop, len(self._photos))):
            try:
                pixels.append(fit(self._photos[index].photo, self._model.preprocess).pixels)
            except ImageError:  # the run has recorded nothing for it: the photos are only compared with
                continue
        if not pixels:
            return np.empty(0, np.float32)
        return target.of(self._model.run(np.stack(pixels), list(target.layers)))
