"""The making of `viz dream`: one octave after the other, in tiles, and a zoom into what came of it."""

from typing import TYPE_CHECKING

import numpy as np
import torch

from viz.core.adapter import Adapter
from viz.core.batching import worth_at_once
from viz.core.errors import UsageError
from viz.core.images import Photo, Pixels, to_bytes, to_float
from viz.core.making import Picture, Watch
from viz.core.result import FloatArray
from viz.techniques.synthesis._canvas import size_of
from viz.techniques.synthesis._dream_targets import dream_layer, dream_target
from viz.techniques.synthesis._energy import NeuronEnergy
from viz.techniques.synthesis._objective import Objective
from viz.techniques.synthesis._octaves import Size, enlarged, laid_over, no_longer_than, octave_sizes, resized
from viz.techniques.synthesis._optimization import Optimization, optimize
from viz.techniques.synthesis._pixels import Pixels as PixelParameters
from viz.techniques.synthesis._tiles import Tiles

if TYPE_CHECKING:
    from viz.techniques.synthesis.dream import Dream


def dreamed(asked: "Dream", model: Adapter, photo: Photo, watch: Watch) -> Picture:
    """A photo's dream at its own size, or with `longest` pixels on its longer side."""
    return _Dreamer(asked, model, to_float(no_longer_than(photo.pixels, asked.longest)), watch).picture()


class _Dreamer:
    """One photo's dream as it goes on."""

    def __init__(self, asked: "Dream", model: Adapter, base: FloatArray, watch: Watch):
        layer, self._tile = dream_layer(model, asked.layer), size_of(asked.tile, model.size, "--tile")
        self._asked, self._base, self._watch = asked, base, watch
        self._model = model if self._tile == model.size else model.at_size(self._tile, [layer])
        self._target = dream_target(asked, self._model, layer)
        self._size: Size = (base.shape[1], base.shape[2])
        self._image = base
        self._curves: list[FloatArray] = []
        self._frames: list[Pixels] = []
        if isinstance(self._target.terms[0].reading, NeuronEnergy):
            self._refuse_several_tiles()

    def picture(self) -> Picture:
        """Dream, as far as Ctrl-C lets it."""
        asked = self._asked
        sizes = list(octave_sizes(self._size, asked.octaves, asked.octave_scale, self._tile))
        self._watch.begin(asked.steps * (len(sizes) + asked.zoom), self._target.score)
        before, zoomed = self._value(self._base), []
        try:
            for size in sizes:
                fresh = not self._curves
                self._image = resized(self._base, size) if fresh else laid_over(self._base, self._image, size)
                self._octave()
            zoomed = self._zoomed()
        except KeyboardInterrupt:
            self._watch.interrupted = True
        image = laid_over(self._base, self._image, self._size)
        return self._shown(image, before, zoomed)

    def _octave(self) -> None:
        """Dream at the size that the image has now. Raises `KeyboardInterrupt` with its best so far kept."""
        asked, stage = self._asked, _Stage(self._watch, len(self._curves) * self._asked.steps)
        tiles = self._tiles((self._image.shape[1], self._image.shape[2]))
        plan = Optimization(
            objective=Objective(self._model, (self._target,) * tiles.count),
            parameters=PixelParameters(torch.from_numpy(self._image[None].copy())),
            view=tiles,
            views_each=tiles.count,
            steps=asked.steps,
            method="ascent",
            learning_rate=asked.learning_rate,
            seed=asked.seed + len(self._curves),
        )
        way = optimize(plan, stage, self._target.score)
        self._image = way.pictures[0]
        self._curves.append(way.curve[:, 0])
        self._frames += way.frames[0] if way.frames else []
        if stage.interrupted:
            raise KeyboardInterrupt

    def _zoomed(self) -> list[Pixels]:
        """Frames of a zoom, the dream first: each is the middle of the one before, enlarged and dreamed again."""
        if not self._asked.zoom:
            return []
        dream, frames = self._image, [to_bytes(self._image)]
        try:
            for _ in range(self._asked.zoom):
                self._image = enlarged(self._image, self._asked.zoom_factor)
                self._octave()
                frames.append(to_bytes(self._image))
        except KeyboardInterrupt:
            self._watch.interrupted = True
        self._image = dream
        return frames

    def _shown(self, image: FloatArray, before: float, zoomed: list[Pixels]) -> Picture:
        after, score = self._value(image), self._target.score
        excited = after > before or self._watch.interrupted
        return Picture(
            {"image": image, "curve": np.concatenate([np.empty(0, np.float32), *self._curves])},
            {f"{score}_before": before, score: after},
            () if excited else ("the layer does not respond more than before: nothing here excites it",),
            frames=tuple(zoomed or _some(self._frames, self._watch.frames)),
        )

    def _tiles(self, size: Size) -> Tiles:
        of_one_place = isinstance(self._target.terms[0].reading, NeuronEnergy)
        return Tiles(size, self._tile, 0 if of_one_place else self._asked.jitter)

    def _refuse_several_tiles(self) -> None:
        count, longest = self._tiles(self._size).count, min(self._tile)
        if count > 1:
            problem = f"--at {self._asked.at} is a position in one tile, and the image needs {count}"
            raise UsageError(problem, f"add --longest {longest}, leave --at out, or take a larger --tile")

    def _value(self, image: FloatArray) -> float:
        """What is driven up, of the image as it is saved, by the model's own forward pass: the mean over tiles."""
        saved = torch.from_numpy(to_float(to_bytes(image))[None])
        tiles = Tiles(self._size, self._tile, jitter=0)(saved, torch.Generator().manual_seed(0)).numpy()
        found = []
        for some in np.split(tiles, range(worth_at_once(self._model), len(tiles), worth_at_once(self._model))):
            values = self._model.run(some.copy(), list(self._target.layers))
            found.append(self._target.read({name: torch.from_numpy(value) for name, value in values.items()}))
        return float(torch.cat(found).mean())


class _Stage(Watch):
    """One of several optimizations in a row, which are told as one."""

    def __init__(self, whole: Watch, before: int):
        self.frames, self._whole, self._before = whole.frames, whole, before

    def step(self, done: int, value: float) -> None:
        """See `Watch.step`."""
        self._whole.step(self._before + done, value)


def _some(frames: list[Pixels], wanted: int) -> list[Pixels]:
    """The first frame, the last, and as many between as are wanted, at equal distances."""
    if len(frames) <= wanted + 1:
        return frames
    return [frames[round(index)] for index in np.linspace(0, len(frames) - 1, wanted + 1)]
