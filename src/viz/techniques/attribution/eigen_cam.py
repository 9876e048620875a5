"""Eigen-CAM: the strongest pattern in a layer, whatever the class."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.options import Opt
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target
from viz.core.technique import technique
from viz.techniques.attribution._cam_layer import last_grid
from viz.techniques.attribution._cams import cam_result
from viz.techniques.attribution._target_scores import layers_of, scores_in

CAPTION = "class-agnostic: the same for every target"


@technique(
    source="Muhammad & Yeasin 2020, section III, arXiv 2008.00299",
)
class EigenCam:
    """Show the first principal component of a layer's activations: what the network sees most of, for no class.

    It needs no gradient and no target; the target given decides only which score is recorded. Its
    pictures say so.
    """

    layer: Annotated[str | None, Opt("Layer to read; default: found from the model.", metavar="NAME")] = None

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[HeatMap | ImageError]:
        """Heat maps of images (b, 3, h, w); the targets do not change them."""
        grid = last_grid(model, layers_of(targets), self.layer, "eigen-cam")
        values = model.run(images, tuple(dict.fromkeys([*layers_of(targets), grid.layer.name])))
        maps = grid.maps(values[grid.layer.name])
        return [
            cam_result(_first_component(one), grid, model.size, score, caption=CAPTION)
            for one, score in zip(maps, scores_in(values, targets), strict=True)
        ]

    def passes(self, size: tuple[int, int]) -> int:
        """Forward passes per image."""
        return 1


def _first_component(maps: FloatArray) -> FloatArray:
    """(c, rows, columns) -> (rows, columns): activations projected on their first right singular vector.

    Its sign is free; it is chosen so that the projections sum to more than 0, which rectified activations do anyhow.
    """
    if not np.isfinite(maps).all():
        return np.full(maps.shape[1:], np.nan, np.float32)
    table = maps.reshape(len(maps), -1).T.astype(np.float64)
    _, _, components = np.linalg.svd(table, full_matrices=False)
    projected = table @ components[0]
    signed = projected if projected.sum() >= 0 else -projected
    positive: FloatArray = np.maximum(signed, 0).reshape(maps.shape[1:]).astype(np.float32)
    return positive
