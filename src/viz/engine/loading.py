"""Images decoded in threads, ahead of the model."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from viz.core.discovery import ImageFile, Listing, find_images
from viz.core.errors import ImageError
from viz.core.images import Box, Decoded, Photo, fit, read, read_image
from viz.core.preprocess import Preprocess
from viz.core.remote_paths import read_bytes
from viz.core.result import FloatArray
from viz.core.run_options import ImageOptions

T = TypeVar("T")

Item = TypeVar("Item")

_KEPT_BYTES = 12_000_000  # a photo up to 4 megapixels waits in memory for its drawing; larger ones are read again


@dataclass(frozen=True)
class Loaded:
    """An image ready for the model, or the reason why it is not one, or neither where it was done before."""

    file: ImageFile
    sha256: str = ""
    pixels: FloatArray | None = None
    box: Box | None = None
    size: tuple[int, int] = (0, 0)
    photo: Photo | None = None
    failure: ImageError | None = None


class Decode(Protocol):
    """`viz.core.images.read`, or `SharedPhotos.read` where several runs share their photos."""

    def __call__(self, path: Path, background: tuple[int, int, int], max_pixels: int, /) -> Photo:
        """The decoded image; raises `ImageError`."""
        ...


@dataclass(frozen=True)
class Loader:
    """How image files are read for one model."""

    preprocess: Preprocess
    background: tuple[int, int, int]
    max_pixels: int
    decode: Decode = read

    def photo(self, file: ImageFile) -> Photo:
        """The decoded image; raises `ImageError`."""
        return self.decode(file.path, self.background, self.max_pixels)

    def load(self, file: ImageFile, done_sha256: str | None, drawn: bool = True) -> Loaded:
        """Decode and fit; an image whose file still has `done_sha256` is not decoded at all.

        The photo is kept for drawing, unless it is large or not to be `drawn`.
        """
        if done_sha256 is not None and _sha256(file) == done_sha256:
            return Loaded(file, done_sha256)
        try:
            found = self._decoded(file)
            fitted = fit(found, self.preprocess)
        except ImageError as problem:
            return Loaded(file, failure=problem)
        kept = None
        if drawn and 3 * found.size[0] * found.size[1] <= _KEPT_BYTES:
            kept = found if isinstance(found, Photo) else found.photo()
        return Loaded(file, found.sha256, fitted.pixels, fitted.box, found.size, kept)

    def _decoded(self, file: ImageFile) -> Photo | Decoded:
        """In the form that costs least: as Pillow has it, or as several runs share it."""
        if self.decode is read:
            return read_image(file.path, self.background, self.max_pixels)
        return self.photo(file)


def listed(sources: Sequence[str | Path], options: ImageOptions, together: int = 1) -> Listing:
    """The images of a command: all in `sources`, then `--limit`, then this shard's share.

    Shards take turns in chunks of `together` images: those that share batches, where the bytes of a shard's results
    have to be those of a run without shards.
    """
    listing = find_images(sources, options.limit)
    return replace(listing, files=in_share(listing.files, options.share, together))


def in_share(items: Sequence[Item], share: tuple[int, int], together: int) -> tuple[Item, ...]:
    """What the shard (which, of how many) gets, in order; shards take turns in chunks of `together`."""
    which, count = share
    starts = range((which - 1) * together, len(items), count * together)
    return tuple(item for start in starts for item in items[start : start + together])


def read_ahead(
    chunks: Iterable[Sequence[ImageFile]], load: Callable[[ImageFile], T], threads: int = 2
) -> Iterator[list[T]]:
    """Loaded chunks in order; while one is worked on, the next is being decoded."""
    with ThreadPoolExecutor(threads, "viz-decode") as pool:
        waiting: deque[list[Future[T]]] = deque()
        for chunk in chunks:
            waiting.append([pool.submit(load, file) for file in chunk])
            if len(waiting) == 2:
                yield [future.result() for future in waiting.popleft()]
        while waiting:
            yield [future.result() for future in waiting.popleft()]


def _sha256(file: ImageFile) -> str | None:
    try:
        return hashlib.sha256(read_bytes(file.path)).hexdigest()
    except OSError:
        return None
