"""Recipro-CAM: keep one position of a layer at a time and see what score it gives by itself."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from viz.core.adapter import Adapter
from viz.core.batching import worth_at_once
from viz.core.errors import ImageError
from viz.core.options import Opt
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target
from viz.core.technique import technique
from viz.techniques._spatial_layers import Grid
from viz.techniques.attribution._cam_layer import last_cut
from viz.techniques.attribution._cams import cam_result
from viz.techniques.attribution._target_scores import layers_of, scores_in

_HELD_BYTES = 1 << 27  # of masked layers at a time
_AROUND = np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32) / 16
_FLAT = ("no position of the layer changes the score by itself: the target does not depend on it here",)


@technique(
    source="Byun & Lee 2023, section 3, arXiv 2209.14074",
)
class ReciproCam:
    """Run the network from an inner layer on with only one of its positions kept, for each position in turn.

    Heat is the score that a position gives by itself, less the score with nothing kept, in units of the
    target's score; the paper stretches each map to 0..1 instead, which keeps the order. No gradient is
    needed, and only the part of the network behind the layer is run for every position.

    The score is the target's own; the paper takes the probability, which is `--score probability`. Prefix
    tokens of a transformer, such as the class token, are always kept.
    """

    layer: Annotated[str | None, Opt("Layer to hide positions of; default: found from the model.", metavar="NAME")] = (
        None
    )
    keep: Annotated[
        str,
        Opt("What is kept: a position with its neighbours, weighed by a Gaussian, or alone.", choices=("soft", "one")),
    ] = "soft"

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[HeatMap | ImageError]:
        """Heat maps of images (b, 3, h, w), one target each.

        Raises `NotSupported` where the model cannot be run from that layer on.
        """
        grid = last_cut(model, layers_of(targets), self.layer, "recipro-cam")
        name = grid.layer.name
        values = model.run(images, tuple(dict.fromkeys([*layers_of(targets), name])))
        masks = np.concatenate([np.zeros((1, *grid.size), np.float32), position_masks(grid.size, self.keep == "soft")])
        found: list[HeatMap | ImageError] = []
        for value, target, score in zip(values[name], targets, scores_in(values, targets), strict=True):
            alone = _scores_from(model, grid, value, masks, target)
            cells = (alone[1:] - alone[0]).reshape(grid.size)
            warnings = () if cells.any() else _FLAT
            found.append(
                cam_result(
                    cells, grid, model.size, score, warnings=warnings, numbers={"score_of_nothing": float(alone[0])}
                )
            )
        return found

    def passes(self, size: tuple[int, int]) -> int:
        """Forward passes per image, of most networks: a position for every 32 pixels, from the layer on only."""
        return 2 + -(-size[0] // 32) * -(-size[1] // 32)


def position_masks(size: tuple[int, int], soft: bool) -> FloatArray:
    """One mask (rows, columns) for each position, row by row: 1 at the position, or a 3x3 Gaussian around it."""
    rows, columns = size
    masks = np.zeros((rows, columns, rows + 2, columns + 2), np.float32)  # a border, cut off below
    for y in range(rows):
        for x in range(columns):
            if soft:
                masks[y, x, y : y + 3, x : x + 3] = _AROUND
            else:
                masks[y, x, y + 1, x + 1] = 1
    return masks[:, :, 1:-1, 1:-1].reshape(-1, rows, columns)


def _scores_from(model: Adapter, grid: Grid, value: FloatArray, masks: FloatArray, target: Target) -> FloatArray:
    """The target's score (n,) with the layer's value (…) under each mask."""
    at_once = min(worth_at_once(model), max(1, _HELD_BYTES // value.nbytes))
    scores = []
    for start in range(0, len(masks), at_once):
        given = grid.masked(value[None], masks[start : start + at_once])
        scores.append(target.of(model.run_from(grid.layer.name, given, target.layers)))
    return np.concatenate(scores)
