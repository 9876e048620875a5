"""The best places of a map, at some distance from each other, and the responses around them."""

import numpy as np
from numpy.typing import NDArray

from viz.core.result import FloatArray
from viz.techniques.activation._layer_plans import LayerPlan

Places = NDArray[np.int32]

NOWHERE = -1
_MOST_OVERLAP = 0.3  # of two windows, as intersection over union
_LEAST_DISTANCE = 2  # positions, where every window is the whole image


def best_places(maps: FloatArray, count: int, plan: LayerPlan) -> Places:
    """The places of the highest peaks of maps (n, rows, columns), highest first: (n, count), as flat indices.

    Non-maximum suppression: a place whose window overlaps with that of a better one is passed over, and so is
    what is no peak (some neighbour is higher). `NOWHERE` fills up. Of equal ones, the first in reading order.
    """
    flat = maps.reshape(len(maps), maps.shape[1] * maps.shape[2])
    if count == 1:
        return np.asarray(flat.argmax(axis=1)[:, None], np.int32)
    left = np.where(_is_peak(maps), maps, -np.inf).reshape(flat.shape)
    found = np.full((len(maps), count), NOWHERE, np.int32)
    for rank in range(count):
        best = left.argmax(axis=1)
        there = left[np.arange(len(left)), best] > -np.inf
        found[there, rank] = best[there]
        left[_too_near(best, plan)] = -np.inf
    return found


def values_at(maps: FloatArray, places: Places) -> FloatArray:
    """The values of maps (n, rows, columns) at places (n, k); -inf at `NOWHERE`."""
    flat = maps.reshape(len(maps), maps.shape[1] * maps.shape[2])
    found: FloatArray = np.take_along_axis(flat, np.maximum(places, 0).astype(np.intp), axis=1)
    return np.where(places == NOWHERE, np.float32(-np.inf), found)


def heats(maps: FloatArray, places: Places, values: FloatArray, side: int) -> NDArray[np.uint8]:
    """Responses of maps (n, rows, columns) around places (n, k), in parts of their values (n, k).

    (n, k, side, side): 255 at the value and above, 0 for 0 and below, outside the grid, and where the value is none.
    """
    _, rows, columns = maps.shape
    reach = np.arange(side) - side // 2
    y = (places // columns)[..., None] + reach
    x = (places % columns)[..., None] + reach
    row = y.clip(0, rows - 1) * columns + np.arange(0, maps.size, rows * columns)[:, None, None]
    around: FloatArray = maps.reshape(-1).take(row[..., :, None] + x.clip(0, columns - 1)[..., None, :])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # where the value is none; not used
        around /= values[..., None, None]
        np.clip(around, 0, 1, out=around)
        around *= np.float32(255)
        found: NDArray[np.uint8] = np.rint(around, out=around).astype(np.uint8)
    inside = ((y >= 0) & (y < rows) & ((places != NOWHERE) & (values > 0))[..., None])[..., :, None]
    found *= inside & ((x >= 0) & (x < columns))[..., None, :]
    return found


def _is_peak(maps: FloatArray) -> NDArray[np.bool_]:
    """Where no neighbour, of up to eight, is higher."""
    _, rows, columns = maps.shape
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    around = [padded[:, dy : dy + rows, dx : dx + columns] for dy in range(3) for dx in range(3)]
    found: NDArray[np.bool_] = maps >= np.maximum.reduce(around)
    return found


def _too_near(places: NDArray[np.intp], plan: LayerPlan) -> NDArray[np.bool_]:
    """For each of n places, which positions have windows that overlap with its own, (n, positions)."""
    rows, columns = plan.positions
    down = np.abs(np.arange(rows)[None, :, None] - (places // columns)[:, None, None])
    across = np.abs(np.arange(columns)[None, None, :] - (places % columns)[:, None, None])
    return np.asarray(overlapping(plan)[down, across].reshape(len(places), rows * columns))


def overlapping(plan: LayerPlan) -> NDArray[np.bool_]:
    """Whether windows so many rows and columns of positions apart overlap too much, (rows, columns)."""
    rows, columns = np.arange(plan.positions[0]), np.arange(plan.positions[1])
    field = plan.field
    if field is None or (field.size[0] >= plan.image[0] and field.size[1] >= plan.image[1]):
        return np.maximum(rows[:, None], columns[None, :]) < _LEAST_DISTANCE
    high = np.maximum(0, field.size[0] - rows * field.stride[0])
    wide = np.maximum(0, field.size[1] - columns * field.stride[1])
    common = high[:, None] * wide[None, :]
    return np.asarray(common > _MOST_OVERLAP * (2 * field.size[0] * field.size[1] - common))
