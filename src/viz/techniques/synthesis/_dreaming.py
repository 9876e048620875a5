"""The making of `viz dream`: octaves, tiles, guides, zooms."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from viz.core import images as image_files
from viz.core.adapter import Adapter
from viz.core.errors import ImageError, NotSupported, UsageError
from viz.core.images import Photo, Pixels, to_bytes, to_float
from viz.core.making import Picture, Watch
from viz.core.readings import Constant
from viz.core.result import FloatArray
from viz.core.target import Target, Term, neuron_target
from viz.techniques.attribution._spatial_layers import grids
from viz.techniques.synthesis._canvas import size_of
from viz.techniques.synthesis._energy import Energy, Guided, NeuronEnergy
from viz.techniques.synthesis._objective import Objective
from viz.techniques.synthesis._optimization import Optimization, Way, optimize
from viz.techniques.synthesis._pixels import Pixels as PixelParameters
from viz.techniques.synthesis._tiles import Tiles

if TYPE_CHECKING:
    from viz.techniques.synthesis.dream import Dream

_STRIDE = 16  # of the layer that is chosen: objects' parts live there


@dataclass(frozen=True)
class _Dreamer:
    """What is the same for all octaves of a photo."""

    asked: "Dream"
    model: Adapter
    target: Target
    tile: tuple[int, int]


def dreamed(asked: "Dream", model: Adapter, photo: Photo, watch: Watch) -> Picture:
    """A photo's dream at its own size, or with `longest` pixels on its longer side."""
    dreamer = _dreamer(asked, model)
    base = to_float(_scaled_to(photo.pixels, asked.longest))
    way, found = _Progress(asked), base
    for number, size in enumerate(_sizes(base.shape[1:], asked, dreamer.tile)):
        found = _onto(found, base, size) if number else _resized(base, size)
        found = way.add(_octave(dreamer, found, number, watch))
        if watch.interrupted:
            break
    frames = _zoomed(dreamer, found, way, watch) if asked.zoom and not watch.interrupted else way.frames
    image = _onto(found, base, base.shape[1:])
    return _picture(dreamer, base, image, way.curve, frames)


def _picture(
    dreamer: _Dreamer, base: FloatArray, image: FloatArray, curve: FloatArray, frames: list[Pixels]
) -> Picture:
    before, after = (_energy(dreamer, one) for one in (base, image))
    warnings = () if after > before else ("the layer does not respond more than before: nothing here excites it",)
    return Picture(
        {"image": image, "curve": curve},
        {"energy_before": before, "energy": after},
        warnings,
        frames=tuple(frames),
    )


class _Progress:
    """The curves and frames of the octaves, one after the other."""

    def __init__(self, asked: "Dream"):
        self._curves: list[FloatArray] = []
        self.frames: list[Pixels] = []

    def add(self, way: Way) -> FloatArray:
        self._curves.append(way.curve[:, 0])
        if way.frames:
            self.frames += way.frames[0][1 if self.frames else 0 :]
        found: FloatArray = way.pictures[0]
        return found

    @property
    def curve(self) -> FloatArray:
        return np.concatenate(self._curves)


def _octave(dreamer: _Dreamer, image: FloatArray, number: int, watch: Watch) -> Way:
    asked = dreamer.asked
    tiles = Tiles((image.shape[1], image.shape[2]), dreamer.tile, asked.jitter)
    if isinstance(dreamer.target.terms[0].reading, NeuronEnergy) and tiles.count > 1:
        tiles = replace(tiles, jitter=0)
        if tiles.count > 1:
            raise UsageError(
                f"--at {asked.at} is a position in one tile, and the image needs {tiles.count}",
                f"add --longest {min(dreamer.tile)} and --octaves 1, leave --at out, or take a larger --tile",
            )
    plan = Optimization(
        objective=Objective(dreamer.model, (dreamer.target,) * tiles.count),
        parameters=PixelParameters(torch.from_numpy(image[None].copy())),
        view=tiles,
        views_each=tiles.count,
        steps=asked.steps,
        method="ascent",
        learning_rate=asked.learning_rate,
        seed=asked.seed + number,
    )
    return optimize(plan, watch, "energy")


def _zoomed(dreamer: _Dreamer, image: FloatArray, way: _Progress, watch: Watch) -> list[Pixels]:
    """Frames of a zoom: each is the middle of the one before, enlarged, and dreamed again."""
    frames, size = [to_bytes(image)], image.shape[1:]
    quiet = Watch()
    watch.begin(dreamer.asked.zoom, "energy")
    for number in range(dreamer.asked.zoom):
        image = _enlarged(image, dreamer.asked.zoom_by, (size[0], size[1]))
        image = way.add(_octave(dreamer, image, 1000 + number, quiet))
        frames.append(to_bytes(image))
        watch.step(number + 1, float(way.curve[-1]))
        if quiet.interrupted:
            watch.interrupted = True
            break
    return frames


def _enlarged(image: FloatArray, factor: float, size: tuple[int, int]) -> FloatArray:
    height, width = size
    centre = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(centre, 0, factor)
    plane = image.transpose(1, 2, 0)
    zoomed = cv2.warpAffine(plane, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.ascontiguousarray(np.clip(zoomed, 0, 1).transpose(2, 0, 1), np.float32)


def _sizes(size: tuple[int, ...], asked: "Dream", tile: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Heights and widths from the smallest octave to the image's own; none so small that a tile is mostly mirror."""
    for octave in reversed(range(asked.octaves)):
        height, width = (max(1, round(side / asked.octave_scale**octave)) for side in size)
        if octave == 0 or min(height / tile[0], width / tile[1]) >= 0.5:
            yield height, width


def _onto(dream: FloatArray, base: FloatArray, size: tuple[int, ...]) -> FloatArray:
    """The photo at another size with what was dreamed so far laid over it, so that its own detail comes back."""
    wanted = (size[0], size[1])
    if dream.shape[1:] == wanted:
        return dream
    added = dream - _resized(base, (dream.shape[1], dream.shape[2]))
    found: FloatArray = np.clip(_resized(base, wanted) + _resized(added, wanted), 0, 1)
    return found


def _resized(image: FloatArray, size: tuple[int, int]) -> FloatArray:
    """(3, h, w) at another size; averaging where it shrinks."""
    if image.shape[1:] == size:
        return image
    smaller = size[0] < image.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    found = cv2.resize(image.transpose(1, 2, 0), (size[1], size[0]), interpolation=how)
    return np.ascontiguousarray(found.transpose(2, 0, 1), np.float32)


def _scaled_to(pixels: Pixels, longest: int) -> Pixels:
    """A photo (h, w, 3) made no longer than `longest`; 0 leaves it as it is."""
    factor = longest / max(pixels.shape[:2]) if longest else 1.0
    if factor >= 1:
        return pixels
    height, width = (max(1, round(side * factor)) for side in pixels.shape[:2])
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _energy(dreamer: _Dreamer, image: FloatArray) -> float:
    """What is driven up, of the image as it is saved, by the model's own forward pass: the mean over tiles."""
    saved = to_float(to_bytes(image))
    tiles = Tiles((image.shape[1], image.shape[2]), dreamer.tile, jitter=0)
    cut = tiles(torch.from_numpy(saved[None]), torch.Generator().manual_seed(0)).numpy()
    values = dreamer.model.run(np.ascontiguousarray(cut), list(dreamer.target.layers))
    tensors = {name: torch.from_numpy(value) for name, value in values.items()}
    return float(dreamer.target.read(tensors).mean())


def _dreamer(asked: "Dream", model: Adapter) -> _Dreamer:
    layer = model.layer(asked.layer).name if asked.layer else _default_layer(model)
    tile = size_of(asked.tile, model.size)
    fitted = model if tile == model.size else model.at_size(tile, [layer])
    return _Dreamer(asked, fitted, _target(asked, fitted, layer), tile)


def _default_layer(model: Adapter) -> str:
    """The last layer whose positions are 16 pixels apart, or the middle one of all that have positions."""
    found = [grid for grid in grids(model) if min(grid.size) > 1]
    if not found:
        raise NotSupported(f"{model.source.name} has no layer with positions", "name a layer: --layer NAME")
    at_stride = [grid for grid in found if round(model.size[0] / grid.size[0]) == _STRIDE]
    chosen = at_stride[-1] if at_stride else found[len(found) // 2]
    model.note(f"dreams with layer {chosen.describe()}; --layer takes another one")
    return chosen.layer.name


def _target(asked: "Dream", model: Adapter, layer: str) -> Target:
    if asked.guide:
        features = _features(model, layer, asked.guide)
        return Target((Term(Guided(layer, Constant.of(features))),), f"{layer} guided by {Path(asked.guide).name}")
    if asked.at is not None and asked.channel is not None:
        at = _position(asked.at)
        neuron_target(model, layer, asked.channel, at)  # raises where there is no such neuron
        return Target((Term(NeuronEnergy(layer, asked.channel, at)),), f"{layer}:{asked.channel}@{asked.at} squared")
    if asked.channel is not None:
        neuron_target(model, layer, asked.channel)
    name = layer if asked.channel is None else f"{layer}:{asked.channel}"
    return Target((Term(Energy(layer, asked.channel)),), f"{name} squared")


def _position(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*", text)
    if not match:
        raise UsageError(f"--at {text} is not a row and a column", "for example --at 6,8")
    return int(match[1]), int(match[2])


def _features(model: Adapter, layer: str, path: str) -> FloatArray:
    """The guide's features at a layer, (c, n), of the image stretched to the model's input."""
    try:
        photo = image_files.read(Path(path).expanduser())
    except ImageError as problem:
        raise UsageError(f"--guide {path}: {problem.problem}", problem.next_step or "give an image file") from None
    pixels = cv2.resize(photo.pixels, (model.size[1], model.size[0]), interpolation=cv2.INTER_AREA)
    values = model.run(to_float(np.asarray(pixels, np.uint8))[None], [layer])[layer][0]
    found = values.T if values.ndim == 2 else values.reshape(len(values), -1)
    return np.ascontiguousarray(found, np.float32)
