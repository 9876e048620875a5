"""A photo's pixels scaled and cropped to a model's input size, with antialiasing."""

from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from viz.core.preprocess import Interpolation, Preprocess
from viz.core.result import FloatArray

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
}
_REACH = 3  # the widest filter, Lanczos, reaches three output pixels to each side
_AT_ONCE = 256  # pictures of one bright pixel each: bounds the memory for large photos


@dataclass(frozen=True)
class Box:
    """A rectangle on a photo, in its pixels, edges not centres: left, top, right, bottom."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Fitted:
    """What the model sees of a photo: pixels (3, h, w) float32 in [0, 1], and the part of it that this is."""

    pixels: FloatArray
    box: Box


def fit_pixels(pixels: NDArray[np.uint8], preprocess: Preprocess) -> Fitted:
    """Pixels (h, w, 3) uint8 as the model sees them.

    Scaling the whole photo and cutting out the middle gives the same values as scaling the part of the
    photo that the middle comes from, without computing the rest; so both are one step here. Values are
    rounded to 8 bits, as in the image files and in the loaders that the models were trained with.
    """
    box = box_of((pixels.shape[0], pixels.shape[1]), preprocess)
    left, top, right, bottom = _needed_part((pixels.shape[0], pixels.shape[1]), box, preprocess)
    part = Image.fromarray(pixels[top:bottom, left:right])
    return Fitted(_resampled(part, (left, top), box, preprocess), box)


def fit_image(image: Image.Image, preprocess: Preprocess) -> Fitted:
    """`fit_pixels` of an RGB image that Pillow holds: the same values, without an array of the photo."""
    box = box_of((image.height, image.width), preprocess)
    needed = _needed_part((image.height, image.width), box, preprocess)
    return Fitted(_resampled(image.crop(needed), needed[:2], box, preprocess), box)


def box_of(size: tuple[int, int], preprocess: Preprocess) -> Box:
    """The part of a photo of this height and width that the model sees."""
    height, width = size
    if preprocess.crop == "center":
        return _centre_box(width, height, preprocess)
    return _central_box(width, height, 1.0 if preprocess.crop == "none" else float(preprocess.crop))


def weights_of(start: float, stop: float, steps: int, length: int, interpolation: Interpolation) -> FloatArray:
    """What each of `length` pixels in a row counts when start..stop of it is scaled to `steps`: (steps, length).

    Measured on Pillow itself, by scaling pictures of one bright pixel each, without rounding to 8 bits; so
    `fit_pixels` is this for rows and this for columns, rounded after each.
    """
    first, last = _needed(start, stop, steps, length)
    weights = np.zeros((length, steps), np.float32)
    for top in range(first, last, _AT_ONCE):
        count = min(_AT_ONCE, last - top)
        bright = Image.fromarray(np.eye(count, last - first, top - first, dtype=np.float32))
        inner = (start - first, 0, stop - first, count)
        weights[top : top + count] = np.asarray(bright.resize((steps, count), _RESAMPLING[interpolation], box=inner))
    return np.ascontiguousarray(weights.T)


def _centre_box(width: int, height: int, preprocess: Preprocess) -> Box:
    """The part of the photo that is left when its short side is scaled and the middle is cut out.

    Sizes and offsets are rounded to whole pixels as the evaluation transforms of training code round them.
    """
    rows, columns = preprocess.size
    if preprocess.resize_short is None:
        scale = max(rows / height, columns / width)
        scaled = max(columns, round(width * scale)), max(rows, round(height * scale))
    else:
        short = min(width, height)
        scaled = int(width * preprocess.resize_short / short), int(height * preprocess.resize_short / short)
    left, top = (scaled[0] - columns) // 2, (scaled[1] - rows) // 2
    across, down = width / scaled[0], height / scaled[1]
    return Box(left * across, top * down, (left + columns) * across, (top + rows) * down)


def _central_box(width: int, height: int, part: float) -> Box:
    """The central `part` of each side, in whole pixels."""
    columns, rows = max(1, round(width * part)), max(1, round(height * part))
    left, top = (width - columns) // 2, (height - rows) // 2
    return Box(left, top, left + columns, top + rows)


def _needed_part(size: tuple[int, int], box: Box, preprocess: Preprocess) -> tuple[int, int, int, int]:
    """The pixels of a photo of this height and width that scaling `box` reads: left, top, right, bottom."""
    rows, columns = preprocess.size
    left, right = _needed(box.left, box.right, columns, size[1])
    top, bottom = _needed(box.top, box.bottom, rows, size[0])
    return left, top, right, bottom


def _resampled(part: Image.Image, corner: tuple[int, int], box: Box, preprocess: Preprocess) -> FloatArray:
    """`box` scaled to the model's size, (3, h, w) float32 in [0, 1]; `part` is what is needed, from `corner` on."""
    rows, columns = preprocess.size
    left, top = corner
    inner = (box.left - left, box.top - top, box.right - left, box.bottom - top)
    scaled = part.resize((columns, rows), _RESAMPLING[preprocess.interpolation], box=inner)
    values = np.empty((3, rows, columns), np.float32)
    for plane, channel in zip(values, scaled.split(), strict=True):
        np.divide(np.asarray(channel), np.float32(255), out=plane)
    return values


def _needed(start: float, stop: float, steps: int, length: int) -> tuple[int, int]:
    """Pixels that scaling start..stop to `steps` pixels reads: the stretch itself and what the filter reaches."""
    reach = _REACH * max(1.0, (stop - start) / steps) + 1
    return max(0, floor(start - reach)), min(length, ceil(stop + reach))
