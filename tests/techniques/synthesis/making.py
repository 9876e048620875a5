"""Makers called as a run calls them, without a run: photos from arrays, every group, pictures by name."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.images import Photo
from viz.core.making import GivenPhoto, Picture, Watch


class PhotoList:
    """`viz.core.making.Photos` over arrays (h, w, 3) uint8; None is a file that cannot be read."""

    def __init__(self, *pixels: Any):
        self._pixels = pixels
        self.names: Sequence[str] = [f"photo{index}.png" for index in range(len(pixels))]

    def __len__(self) -> int:
        return len(self._pixels)

    def __getitem__(self, index: int) -> GivenPhoto:
        if self._pixels[index] is None:
            raise ImageError("empty file (0 bytes)")
        return GivenPhoto(self.names[index], Photo(self._pixels[index], sha256=str(index)))


def made(technique: Any, model: Adapter, *pixels: Any, watch: Watch | None = None) -> dict[str, Picture]:
    """The pictures of all groups by the names of their pieces."""
    photos, found = PhotoList(*pixels), {}
    for group in technique.pieces(model, photos):
        given = [None if piece.photo is None else photos[piece.photo] for piece in group]
        pictures = technique(model, group, given, photos, watch or Watch())
        found |= {piece.name: picture for piece, picture in zip(group, pictures, strict=True)}
    return found


class Impatient(Watch):
    """Presses Ctrl-C after some steps; has heard what was begun and every step."""

    def __init__(self, after: int = -1) -> None:
        self.after = after
        self.begun: list[tuple[int, str]] = []
        self.heard: list[tuple[int, float]] = []
        self.told: list[str] = []

    def begin(self, steps: int, what: str = "objective") -> None:
        self.begun.append((steps, what))

    def step(self, done: int, value: float) -> None:
        self.heard.append((done, value))
        if done == self.after:
            raise KeyboardInterrupt

    def tell(self, text: str) -> None:
        self.told.append(text)


def photo(height: int, width: int, seed: int = 0) -> Any:
    """Smooth coloured blobs, (h, w, 3) uint8."""
    import cv2

    coarse = np.random.default_rng(seed).random((max(2, height // 8), max(2, width // 8), 3))
    found = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return (np.clip(found, 0, 1) * 255).round().astype(np.uint8)
