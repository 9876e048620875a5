"""Where the object of a photo is: published boxes or a mask, brought to the pixels that a model sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.core.errors import ImageError
from viz.core.images import Box, read
from viz.core.truths import Known

_BOXES = ("boxes_xyxy", "boxes", "box_xyxy")
_FORM = 'for example {"a.jpg": {"boxes_xyxy": [[x0, y0, x1, y1]]}}, in the photo\'s pixels, right and bottom outside'


@dataclass(frozen=True)
class TrueRegion:
    """What a model sees of an object: (h, w) bool in model pixels, and the size of one of these on the photo.

    `pixel` is the height and width of a model pixel in pixels of the photo.
    """

    inside: NDArray[np.bool_]
    pixel: tuple[float, float]

    def holds(self, y: float, x: float) -> bool:
        """Whether the pixel at a position in model pixels belongs to the object."""
        return bool(self.inside[int(y + 0.5), int(x + 0.5)])

    def distance(self, y: float, x: float) -> float:
        """From a position in model pixels to the nearest pixel of the object, in pixels of the photo."""
        rows, columns = np.nonzero(self.inside)
        if not len(rows):
            return inf
        down, across = (rows - y) * self.pixel[0], (columns - x) * self.pixel[1]
        return float(np.sqrt((down**2 + across**2).min()))


def region_of(
    known: Known | None, photo: tuple[int, int], box: Box, size: tuple[int, int], max_pixels: int
) -> TrueRegion | None:
    """The region of an image, or None where none is known, or where the model sees nothing of it.

    `photo` is the photo's height and width, `box` the part of it that the model sees, `size` the model's input.
    A mask counts before boxes. Raises `ImageError` where what is said does not suit the photo.
    """
    if known is None or not isinstance(known.said, dict):
        return None
    _check_size(known.said, photo)
    ys = box.top + (np.arange(size[0]) + 0.5) * (box.bottom - box.top) / size[0]
    xs = box.left + (np.arange(size[1]) + 0.5) * (box.right - box.left) / size[1]
    if known.said.get("mask"):
        inside = _in_mask(known.folder / str(known.said["mask"]), photo, ys, xs, max_pixels)
    else:
        inside = _in_boxes(_boxes(known.said), ys, xs)
    pixel = (box.bottom - box.top) / size[0], (box.right - box.left) / size[1]
    return TrueRegion(inside, pixel) if inside.any() else None


def _check_size(said: dict[str, Any], photo: tuple[int, int]) -> None:
    told = (said.get("height", photo[0]), said.get("width", photo[1]))
    if told != photo:
        raise ImageError(
            f"its boxes are for a photo of {told[0]}x{told[1]} pixels (height x width), and it has "
            f"{photo[0]}x{photo[1]}",
            "boxes count in the pixels of the upright photo",
        )


def _boxes(said: dict[str, Any]) -> list[Sequence[float]]:
    """The boxes of an entry: several, or one."""
    name = next((name for name in _BOXES if said.get(name)), None)
    if name is None:
        return []
    given: Any = said[name]
    boxes: list[Any] = given if isinstance(given, list) and isinstance(given[0], list) else [given]
    for box in boxes:
        numbers = isinstance(box, list) and len(box) == 4 and all(isinstance(v, int | float) for v in box)
        if not numbers or box[0] >= box[2] or box[1] >= box[3]:
            raise ImageError(f"its {name} has {box!r}, which is no box x0, y0, x1, y1", _FORM)
    return boxes


def _in_boxes(boxes: Sequence[Sequence[float]], ys: NDArray[Any], xs: NDArray[Any]) -> NDArray[np.bool_]:
    inside = np.zeros((len(ys), len(xs)), np.bool_)
    for left, top, right, bottom in boxes:
        inside |= ((ys >= top) & (ys < bottom))[:, None] & ((xs >= left) & (xs < right))[None]
    return inside


def _in_mask(
    path: Path, photo: tuple[int, int], ys: NDArray[Any], xs: NDArray[Any], max_pixels: int
) -> NDArray[np.bool_]:
    try:
        mask = read(path, max_pixels=max_pixels)
    except ImageError as problem:
        raise ImageError(f"its mask {path}: {problem.problem}", problem.next_step) from None
    if mask.size != photo:
        raise ImageError(f"its mask {path} has {mask.size} pixels, and the photo {photo}", "give a mask of its size")
    rows, columns = ys.astype(np.intp).clip(0, photo[0] - 1), xs.astype(np.intp).clip(0, photo[1] - 1)
    inside: NDArray[np.bool_] = mask.pixels[np.ix_(rows, columns)].max(axis=2) > 127
    return inside
