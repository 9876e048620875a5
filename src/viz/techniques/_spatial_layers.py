"""Layers with positions on the image: feature maps in either axis order, and transformers' tokens as a grid."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from viz.core.adapter import Adapter, Layer
from viz.core.result import FloatArray

_MOST_PREFIX_TOKENS = 16  # class, distillation and register tokens
_LARGEST_GRID_PART = 0.5  # of the image's side: larger maps are early ones, or no maps


@dataclass(frozen=True)
class Grid:
    """How a layer's values lie on the image.

    Attributes:
        layer: the layer.
        size: rows and columns.
        kind: "nchw", "nhwc" or "tokens".
        prefix: tokens before those of the image, such as a class token.
    """

    layer: Layer
    size: tuple[int, int]
    kind: str
    prefix: int = 0

    def maps(self, values: FloatArray) -> FloatArray:
        """The layer's values as (b, channels, rows, columns), less the number that stands for zero."""
        return self.gradient_maps(values - np.float32(self.layer.zero) if self.layer.zero else values)

    def gradient_maps(self, values: FloatArray) -> FloatArray:
        """Gradients of the layer as (b, channels, rows, columns)."""
        if self.kind == "nchw":
            return values
        if self.kind == "nhwc":
            return values.transpose(0, 3, 1, 2)
        tokens = values[:, self.prefix :]
        return tokens.transpose(0, 2, 1).reshape(len(values), -1, *self.size)

    def masked(self, values: FloatArray, masks: FloatArray) -> FloatArray:
        """The layer's values (1 or n, …) times masks (n, rows, columns) over its positions; prefix tokens stay."""
        if self.kind == "nchw":
            factors = masks[:, None]
        elif self.kind == "nhwc":
            factors = masks[..., None]
        else:
            flat = masks.reshape(len(masks), -1)
            factors = np.concatenate([np.ones((len(flat), self.prefix), flat.dtype), flat], axis=1)[..., None]
        zero = np.float32(self.layer.zero)
        found: FloatArray = (zero + (values - zero) * factors).astype(np.float32)
        return found

    def describe(self) -> str:
        """For people: `7x7 positions`, and what was left out."""
        prefix = f" after {self.prefix} prefix token{'s' * (self.prefix > 1)}" if self.prefix else ""
        return f"{self.layer.name!r} ({self.layer.op}), {self.size[0]}x{self.size[1]} positions{prefix}"


def grid_of(layer: Layer, size: tuple[int, int]) -> Grid | None:
    """How a layer lies on an image of `size`; None where it has no row per image, no positions, or only one."""
    shape = layer.shape
    if not shape or shape[0] is not None or any(length is None for length in shape[1:]):
        return None
    inner = tuple(int(length) for length in shape[1:] if length is not None)
    if len(inner) == 3:
        return _feature_map(layer, inner, size)
    if len(inner) == 2:
        return _tokens(layer, inner[0], size)
    return None


def grids(model: Adapter, layers: Sequence[str] | None = None) -> list[Grid]:
    """All layers with positions, in execution order; attention matrices, which only look like maps, are left out."""
    found = [grid for layer in model.layers.values() if (grid := grid_of(layer, model.size))]
    tokens = {grid.size[0] * grid.size[1] + grid.prefix for grid in found if grid.kind == "tokens"}
    return [grid for grid in found if grid.kind == "tokens" or not tokens & set(grid.layer.shape[-2:])]  # type: ignore[index]


def _feature_map(layer: Layer, inner: tuple[int, ...], size: tuple[int, int]) -> Grid | None:
    for kind, rows, columns in (("nchw", inner[1], inner[2]), ("nhwc", inner[0], inner[1])):
        if _same_form((rows, columns), size):
            return Grid(layer, (rows, columns), kind)
    return None


def _same_form(grid: tuple[int, int], size: tuple[int, int]) -> bool:
    """Whether a grid can cover the image evenly: more than one cell, both axes shrunk about as much."""
    if grid[0] * grid[1] < 2 or grid[0] > size[0] or grid[1] > size[1]:
        return False
    down, across = size[0] / grid[0], size[1] / grid[1]
    # Sizes are rounded at every stage: one row more or less.
    return abs(size[1] / down - grid[1]) <= 1.5 or abs(size[0] / across - grid[0]) <= 1.5


def _tokens(layer: Layer, count: int, size: tuple[int, int]) -> Grid | None:
    """Tokens of square patches, perhaps after some that stand for no patch: the smallest such number fits best."""
    fits = []
    for patch in range(1, min(size) + 1):
        if size[0] % patch == 0 and size[1] % patch == 0:
            rows, columns = size[0] // patch, size[1] // patch
            prefix = count - rows * columns
            if 0 <= prefix <= min(_MOST_PREFIX_TOKENS, rows * columns - 1) and rows * columns > 1:
                fits.append((prefix, rows, columns))
    if not fits:
        return None
    prefix, rows, columns = min(fits)
    return Grid(layer, (rows, columns), "tokens", prefix)


def stretched(maps: FloatArray, grid: Grid, size: tuple[int, int]) -> FloatArray:
    """Maps (rows, columns) over an image (h, w), each cell's centre where its receptive field has its own.

    Where no field is known, or it is wider than the image, the grid covers the image evenly. A field that ends
    outside the image has its centre nowhere in particular: measured by gradients, the central cells of trained
    MobileNets look where an even grid has them, up to 16 pixels from the middle of their fields.
    """
    import cv2

    (down, top), (across, left) = (_placing(grid, size, axis) for axis in (0, 1))
    to_image = np.array([[across, 0, left], [0, down, top]])
    warped = cv2.warpAffine(
        maps.astype(np.float32),
        to_image,
        (size[1], size[0]),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(warped, np.float32)


def _placing(grid: Grid, size: tuple[int, int], axis: int) -> tuple[float, float]:
    """Pixels per cell along an axis, and the pixel of the first cell's centre."""
    field = grid.layer.receptive_field
    if field is not None and not field.everywhere and field.stride[axis] >= 1 and field.size[axis] <= size[axis]:
        return float(field.stride[axis]), float(field.offset[axis] + (field.size[axis] - 1) / 2)
    cell = size[axis] / grid.size[axis]
    return cell, (cell - 1) / 2
