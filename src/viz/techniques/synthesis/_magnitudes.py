"""How strong each frequency is in photographs: the bundled figures, and those of a folder."""

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import numpy as np

from viz.core import images
from viz.core.discovery import find_images
from viz.core.errors import ImageError, UsageError
from viz.core.fitting import fit_pixels
from viz.core.images import Pixels
from viz.core.preprocess import Preprocess
from viz.core.result import FloatArray
from viz.techniques.synthesis._natural_colours import NATURAL_IMAGES, Colours, logits, natural_colours
from viz.techniques.synthesis._spectra import variance

SIDE = 128  # of the square tiles that are measured, in pixels
_SHORT = 2 * SIDE  # a photo's short side is scaled to this, unless it is shorter


@cache
def natural_magnitude() -> FloatArray:
    """(3, 128, 65): of the bundled photographs, measured by `_measure_statistics`, as `magnitude_from` gives it."""
    with np.load(NATURAL_IMAGES) as stored:
        quarter = stored["magnitude"].astype(np.float32)  # (3, 65, 65): up is as strong as down
    return np.concatenate([quarter, quarter[:, -2:0:-1]], axis=1)


def magnitude_from(folder: str | Path) -> FloatArray:
    """(3, 128, 65): mean magnitude of the orthonormal rfft2 of the decorrelated logits of a folder's images.

    See `Colours` for the planes. Images of any size are scaled to a short side of 256 pixels at most and cut
    into tiles of 128 that overlap by half. Raises `NoImages`, and `UsageError` for one that cannot be read.
    """
    return magnitude_of(map(tiles, read_all(folder)), natural_colours())


def magnitude_of(photos: Iterable[Iterable[FloatArray]], colours: Colours) -> FloatArray:
    """`magnitude_from` for the tiles of each photo, which counts the same however many there are.

    The mean is scaled up to the power that the tiles have: the mean of magnitudes alone has less.
    """
    means = []
    for cut in photos:
        found = np.stack([spectrum(tile, colours) for tile in cut])
        means.append((found.mean(0), (found**2).mean(0)))
    mean, square = np.mean(means, axis=0)
    power = variance(np.sqrt(square), SIDE)
    scaled: FloatArray = (mean * np.sqrt(power / variance(mean, SIDE))[:, None, None]).astype(np.float32)
    return scaled


def read_all(folder: str | Path) -> Iterator[Pixels]:
    """The pixels of all images in a folder, in order."""
    for file in find_images([folder]).files:
        try:
            yield images.read(file.path).pixels
        except ImageError as problem:
            hint = "give a folder of images that can all be read"
            raise UsageError(f"{file.name}: {problem.problem}", problem.next_step or hint) from None


def tiles(pixels: Pixels) -> Iterator[FloatArray]:
    """(h, w, 3) uint8 -> logits (3, 128, 128) of squares all over the photo, scaled down first."""
    short = min(pixels.shape[:2])
    side = min(_SHORT, max(SIDE, short))
    size = max(SIDE, round(pixels.shape[0] * side / short)), max(SIDE, round(pixels.shape[1] * side / short))
    scaled = logits(fit_pixels(pixels, Preprocess(size, "none", interpolation="lanczos")).pixels)
    for top in range(0, size[0] - SIDE + 1, SIDE // 2):
        for left in range(0, size[1] - SIDE + 1, SIDE // 2):
            yield scaled[:, top : top + SIDE, left : left + SIDE]


def spectrum(tile: FloatArray, colours: Colours) -> FloatArray:
    """Logits (3, 128, 128) -> (3, 128, 65) magnitudes of their decorrelated planes.

    A Hann window keeps the step from one border to the opposite one, a cross in the spectrum, out. It hides the
    tile's mean, which is measured without it.
    """
    planes = np.linalg.solve(colours.root.astype(np.float64), (tile - colours.mean[:, None, None]).reshape(3, -1))
    planes = planes.reshape(tile.shape)
    hann = np.sin(np.pi * (np.arange(SIDE) + 0.5) / SIDE) ** 2
    window = np.outer(hann, hann) / np.sqrt((np.outer(hann, hann) ** 2).mean())
    middle = (planes * window).sum((1, 2), keepdims=True) / window.sum()
    found: FloatArray = np.abs(np.fft.rfft2((planes - middle) * window, norm="ortho"))
    found[:, 0, 0] = np.abs(planes.mean((1, 2))) * SIDE
    return found
