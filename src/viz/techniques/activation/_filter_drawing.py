"""A layer's filters drawn: a sheet of tiles, or, where they are no pictures, all weights in one matrix."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from viz.core.images import Pixels
from viz.core.result import FloatArray
from viz.techniques.activation._filter_captions import are_pictures, colours, heading
from viz.techniques.activation._filter_components import Components
from viz.techniques.activation._filter_matrix import matrix_of, matrix_picture
from viz.techniques.activation._filter_set import FilterSet
from viz.techniques.activation._filter_sheet import Tile, sheet
from viz.techniques.activation._filter_tiles import colour_tiles, crossed_out, scales_of, signed_tiles

if TYPE_CHECKING:
    from viz.techniques.activation.filters import Filters


def drawn(asked: "Filters", filters: FilterSet, places: NDArray[np.intp], dead: NDArray[np.intp], proof: str) -> Pixels:
    """The sheet: filters in the order of `places`, the `dead` ones crossed out, and what was checked."""
    if not are_pictures(filters):
        return _matrix(filters, places, proof)
    units = _shown(filters)
    scales = scales_of(units, asked.normalize)
    gray = _is_gray(filters)
    paint = colour_tiles if filters.kernel.on_image else signed_tiles
    pictures = paint(units, scales, asked.tile)
    gone = set(dead.tolist())
    tiles = [Tile(crossed_out(pictures[n]) if n in gone else pictures[n], str(n)) for n in places.tolist()]
    scale = float(scales[0]) if asked.normalize == "shared" else None
    crossed = " Crossed out: dead." if gone else ""
    return sheet(tiles, f"{heading(filters)} {colours(filters, gray, scale)}{crossed} {proof}")


def components_drawn(found: Components, filters: FilterSet, side: int) -> Pixels:
    """The sheet of principal components, each with its share of the variance."""
    scales = scales_of(found.patterns, "shared")
    pictures = colour_tiles(found.patterns, scales, side)
    tiles = [Tile(picture, f"{share:.1%}") for picture, share in zip(pictures, found.shares, strict=True)]
    return sheet(
        tiles,
        f"{filters.kernel.layer}: the first {len(tiles)} principal components of {len(filters.norms)} filters, "
        f"with their shares of the variance, {found.shares.sum():.0%} together. In the image's RGB; mid-gray is 0, a "
        f"full colour is +/- {scales[0]:.2g}, the same for all.",
    )


def _matrix(filters: FilterSet, places: NDArray[np.intp], proof: str) -> Pixels:
    matrix = matrix_of(filters.weights)[places]
    full = f"full colour is {np.abs(matrix).max():.2g}"
    cells = f"a cell is a weight, red above 0, blue below, {full}"
    if filters.size != (1, 1):
        cells = f"a cell is the length of the weights between the two, {full}"
    rows = "A row for each output, a column for each input"
    return matrix_picture(matrix, f"{heading(filters)} These filters are no pictures. {rows}: {cells}. {proof}")


def _is_gray(filters: FilterSet) -> bool:
    """Whether the model sees no colours."""
    return filters.kernel.on_image and filters.weights.shape[1] * filters.kernel.groups == 1


def _shown(filters: FilterSet) -> FloatArray:
    """What tiles are painted from: of a model that sees gray, its one channel, which is no colour."""
    if not _is_gray(filters):
        return filters.units
    mix = filters.kernel.image_weights
    assert mix is not None, "it is on the image"
    one = filters.weights * np.sign(mix.sum())
    lengths = np.linalg.norm(one.reshape(len(one), -1), axis=1)[:, None, None, None]
    found: FloatArray = (one / np.where(lengths > 0, lengths, 1)).astype(np.float32).repeat(3, axis=1)
    return found
