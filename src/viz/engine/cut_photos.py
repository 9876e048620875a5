"""Photos read once each, and every patch that is wanted cut out of them into a temporary file."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.core.discovery import ImageFile
from viz.core.errors import ImageError
from viz.core.fitting import Box
from viz.core.images import Photo, Pixels
from viz.engine.listener import Listener
from viz.engine.loading import Loader
from viz.render import sprites

_SCRATCH = ".patches.tmp"
_KEPT = 64  # tiles of a photo, in case more patches are the same
_AT_ONCE = 64  # photos that are handed to the threads together
_THREADS = 2

Edges = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Wanted:
    """Patches to cut out, n of them in the order of their units.

    Attributes:
        layers: names, in order.
        counts: (units,) how many patches each unit has.
        images: (n,) the photos, as places in the listing.
        windows: (n, 4) left, top, right, bottom on the model's input, in its pixels.
        clipped: (n,) whether the unit sees beyond the photo's edge.
    """

    layers: Sequence[str]
    counts: NDArray[np.int64]
    images: NDArray[np.int64]
    windows: NDArray[np.float64]
    clipped: NDArray[np.bool_]


@dataclass(frozen=True)
class PhotoFacts:
    """A photo as the model saw it: its name and hash, height and width, and the part of it that the model sees."""

    name: str
    sha256: str
    size: tuple[int, int]
    box: Box

    def part(self, window: Edges, size: tuple[int, int]) -> Box:
        """A window on the model's input (height, width) as a part of the photo, in the photo's own pixels."""
        across, down = (self.box.right - self.box.left) / size[1], (self.box.bottom - self.box.top) / size[0]
        left, top, right, bottom = window
        return Box(
            max(0.0, self.box.left + left * across),
            max(0.0, self.box.top + top * down),
            min(float(self.size[1]), self.box.left + right * across),
            min(float(self.size[0]), self.box.top + bottom * down),
        )


@dataclass(frozen=True)
class CutPhotos:
    """All patches as tiles (n, side, side, 3), the photos that they are of, and why some are missing."""

    tiles: NDArray[np.uint8]
    photos: Mapping[int, PhotoFacts]
    missing: Mapping[int, str]


@contextmanager
def cut_out(
    wanted: Wanted, side: int, files: Sequence[ImageFile], loader: Loader, folder: Path, listener: Listener
) -> Iterator[CutPhotos]:
    """The patches as tiles of `side` pixels, in a file that is there as long as the context is."""
    images = np.unique(wanted.images)
    photos = _photos(folder / "images.jsonl", images)
    scratch = folder / _SCRATCH
    try:
        tiles = _tiles(scratch, (len(wanted.images), side, side, 3))
        missing = _fill(tiles, wanted, photos, [(int(image), files[image]) for image in images], loader, listener)
        if missing:
            some = next(iter(missing.values()))
            listener.told(f"{len(missing):,} photo(s) cannot be shown, their tiles are gray; the first: {some}")
        yield CutPhotos(tiles, photos, missing)
        del tiles
    finally:
        scratch.unlink(missing_ok=True)


def _tiles(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """An array in a file; no file can be empty."""
    return np.memmap(path, np.uint8, "w+", shape=shape) if shape[0] else np.zeros(shape, np.uint8)


def _photos(lines: Path, images: NDArray[np.int64]) -> dict[int, PhotoFacts]:
    """What images.jsonl says of these photos."""
    needed = set(images.tolist())
    found = {}
    with lines.open(encoding="utf-8") as stream:
        for line in stream:
            record = json.loads(line)
            if record["index"] in needed and record["status"] == "done":
                size = record["size"][0], record["size"][1]
                found[record["index"]] = PhotoFacts(record["name"], record["sha256"], size, Box(*record["box"]))
    return found


def _fill(
    tiles: NDArray[np.uint8],
    wanted: Wanted,
    photos: Mapping[int, PhotoFacts],
    files: Sequence[tuple[int, ImageFile]],
    loader: Loader,
    listener: Listener,
) -> dict[int, str]:
    """Cut everything out, photo by photo; gives what is wrong with photos that cannot be used."""
    order = np.argsort(wanted.images, kind="stable")
    starts = np.searchsorted(wanted.images[order], [image for image, _ in files], "left")
    ends = np.searchsorted(wanted.images[order], [image for image, _ in files], "right")

    def work(place: int) -> str:
        image, file = files[place]
        numbers = order[starts[place] : ends[place]]
        return _cut_one(tiles, wanted, numbers, photos[image], file, loader)

    missing = {}
    listener.steps(len(files), "photos")
    with ThreadPoolExecutor(_THREADS, "viz-cut") as pool:
        for start in range(0, len(files), _AT_ONCE):  # not all at once: a million would wait in memory
            places = range(start, min(start + _AT_ONCE, len(files)))
            for place, problem in zip(places, pool.map(work, places), strict=True):
                if problem:
                    missing[files[place][0]] = problem
            listener.step(places.stop, len(files), "patches cut", float(ends[places.stop - 1]))
    return missing


def _cut_one(
    tiles: NDArray[np.uint8], wanted: Wanted, numbers: NDArray[Any], facts: PhotoFacts, file: ImageFile, loader: Loader
) -> str:
    """The patches of one photo; gives why there are none, "" where there are."""
    try:
        photo = _same_photo(loader.photo(file), facts)
    except ImageError as problem:
        tiles[numbers] = sprites.tile_in_words("photo not there", tiles.shape[1])
        return f"{facts.name} cannot be shown: {problem.problem}"
    drawn: dict[bytes, Pixels] = {}  # units of a layer that sees the whole image all have the same patch
    for number in numbers:
        which = wanted.windows[number].tobytes() + wanted.clipped[number].tobytes()
        tile = drawn.get(which)
        if tile is None:
            tile = _tile(photo.pixels, facts, wanted, number, loader.preprocess.size, tiles.shape[1])
            if len(drawn) < _KEPT:
                drawn[which] = tile
        tiles[number] = tile
    return ""


def _same_photo(photo: Photo, facts: PhotoFacts) -> Photo:
    if photo.sha256 != facts.sha256:
        raise ImageError("it is another photo now than the one that the model saw")
    return photo


def _tile(pixels: Pixels, facts: PhotoFacts, wanted: Wanted, number: int, size: tuple[int, int], side: int) -> Pixels:
    left, top, right, bottom = (float(v) for v in wanted.windows[number])
    # Where a clipped window ends with the input, the unit sees on.
    at_edge = left <= 0, top <= 0, right >= size[1], bottom >= size[0]
    # A unit that sees beyond every edge has the whole input for its patch, and no side of it is special.
    beyond = at_edge if wanted.clipped[number] and not all(at_edge) else (False,) * 4
    return sprites.tile(pixels, facts.part((left, top, right, bottom), size), side, beyond)
