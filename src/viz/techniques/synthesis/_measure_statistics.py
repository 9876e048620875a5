"""Measures natural_images.npz: `python -m viz.techniques.synthesis._measure_statistics FOLDER OUT.npz`.

The bundled file is from 17 openly licensed photographs (CC0, public domain and CC BY; people, animals, food,
flowers, a rocket). It holds averages, for which each photograph counts the same, and nothing of any one:

- `colour_mean` (3,) and `colour_root` (3, 3): see `Colours`; from photographs that are not gray.
- `magnitude` (3, 65, 65): see `natural_magnitude`; frequencies from 0 to 0.5 cycles per pixel down and across,
  both directions averaged and slightly smoothed, so that no photograph's own pattern is left in it.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from viz.core.images import Pixels
from viz.core.result import FloatArray
from viz.techniques.synthesis._magnitudes import SIDE, magnitude_of, read_all, tiles
from viz.techniques.synthesis._natural_colours import Colours


def measured(photos: Sequence[Pixels]) -> dict[str, FloatArray]:
    """What natural_images.npz holds, from photographs (h, w, 3)."""
    cut = [list(tiles(photo)) for photo in photos]
    colours = colours_of([own for photo, own in zip(photos, cut, strict=True) if not _is_gray(photo)])
    magnitude = _quarter(magnitude_of(cut, colours))
    return {"colour_mean": colours.mean, "colour_root": colours.root, "magnitude": magnitude}


def colours_of(cut: Sequence[Sequence[FloatArray]]) -> Colours:
    """Mean and principal axes of logits, from each photograph's tiles (3, 128, 128); each axis points to more red."""
    values = [np.concatenate([tile.reshape(3, -1) for tile in own], axis=1).astype(np.float64) for own in cut]
    mean = np.mean([own.mean(1) for own in values], axis=0)
    square = np.mean([own @ own.T / own.shape[1] for own in values], axis=0)
    lengths, axes = np.linalg.eigh(square - np.outer(mean, mean))
    root = axes[:, ::-1] * np.sqrt(lengths[::-1])  # the longest first
    return Colours(mean.astype(np.float32), (root * np.sign(root[0])).astype(np.float32))


def _is_gray(photo: Pixels) -> bool:
    return bool((photo == photo[..., :1]).all())


def _quarter(magnitude: FloatArray) -> FloatArray:
    """(3, 128, 65) -> (3, 65, 65) float16: both directions averaged, smoothed where they are alike."""
    import cv2

    half = SIDE // 2
    down, up = magnitude[:, : half + 1], np.roll(magnitude[:, ::-1], 1, axis=1)[:, : half + 1]
    quarter = (down + up) / 2
    distance = np.maximum(np.hypot(*np.mgrid[: half + 1, : half + 1]), 1)
    smooth = np.stack([cv2.GaussianBlur(plane, (0, 0), 1.0) for plane in quarter * distance]) / distance
    smooth[:, distance < 4] = quarter[:, distance < 4]  # the lowest ones are few, and far apart
    found: FloatArray = smooth.astype(np.float16)
    return found


if __name__ == "__main__":
    np.savez_compressed(Path(sys.argv[2]), **measured(list(read_all(sys.argv[1]))))  # type: ignore[arg-type]
