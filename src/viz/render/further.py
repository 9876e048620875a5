"""Pictures beside a heat map: the classes that patches are taken for, signed colours, and what was computed."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from viz.core.images import Pixels
from viz.core.labels import Labels
from viz.core.result import FloatArray, Result


def further_pictures(result: Result, labels: Labels) -> dict[str, Pixels]:
    """Pictures beside the main one, by the name that goes into their file's name (`viz.core.result.FURTHER`)."""
    pictures = {}
    if (classes := result.arrays.get("predicted_class")) is not None:
        pictures["classes"] = class_map(classes, {int(c): labels.name(int(c)) for c in np.unique(classes)})
    if (gradient := result.arrays.get("gradient")) is not None:
        pictures["gradient"] = signed_colours(gradient)
    if (computed := result.arrays.get("computed")) is not None:
        pictures["computed"] = computed_positions(computed)
    return pictures


def computed_positions(computed: NDArray[np.bool_], side: int = 224) -> Pixels:
    """Positions (rows, columns) that were computed white, interpolated ones dark; enlarged to about `side`."""
    times = max(1, side // max(computed.shape))
    levels = np.where(computed, np.uint8(255), np.uint8(60)).repeat(times, axis=0).repeat(times, axis=1)
    return np.ascontiguousarray(levels[:, :, None].repeat(3, axis=2))


def signed_colours(values: FloatArray, side: int = 224) -> Pixels:
    """Signed colours (3, h, w) around mid-gray, (h', w', 3) uint8: gray is 0, each channel brighter where positive.

    Scaled so that all but the strongest 0.5 % fit; enlarged by whole pixels to about `side`.
    """
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    largest = float(np.quantile(np.abs(finite), 0.995)) or float(np.abs(finite).max()) or 1.0
    levels = np.rint(np.clip(finite / largest, -1, 1) * 127 + 128).astype(np.uint8).transpose(1, 2, 0)
    times = max(1, side // min(levels.shape[:2]))
    return np.ascontiguousarray(levels.repeat(times, axis=0).repeat(times, axis=1))


def class_map(classes: NDArray[np.intp], names: Mapping[int, str], width: int = 640) -> Pixels:
    """A map (h, w) of class indices as flat colours with a legend of the most frequent classes below."""
    found, counts = np.unique(classes, return_counts=True)
    ranked = [int(c) for c in found[np.argsort(-counts, kind="stable")]]
    colours = {c: _flat_colour(i) for i, c in enumerate(ranked)}
    table = np.array([colours[c] for c in found.tolist()], np.uint8)
    picture = table[np.searchsorted(found, classes)]
    height = round(classes.shape[0] * width / classes.shape[1])
    shown = cv2.resize(picture, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.vstack([shown, *(_legend_row(names[c], colours[c], width) for c in ranked[:12])])


def _flat_colour(index: int) -> tuple[int, int, int]:
    """Well separated hues: the golden angle never comes back near a hue it has just used."""
    hsv = np.array([[[int(index * 180 * 0.618034) % 180, 150, 215]]], np.uint8)
    red, green, blue = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0].tolist()
    return red, green, blue


def _legend_row(name: str, colour: tuple[int, int, int], width: int) -> Pixels:
    row = np.full((28, width, 3), 255, np.uint8)
    cv2.rectangle(row, (6, 5), (24, 23), colour, -1)
    plain = name.encode("ascii", "replace").decode()  # OpenCV's font has ASCII only; the JSON keeps the name
    cv2.putText(row, plain[:60], (34, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (20, 20, 20), 1, cv2.LINE_AA)
    return row
