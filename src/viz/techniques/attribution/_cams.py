"""Class activation maps: what all of them share, given how one weighs a layer's channels."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.gradients import Gradients, input_gradients
from viz.core.peaks import peak_of
from viz.core.result import FloatArray, HeatMap, Number
from viz.core.target import Target
from viz.techniques._spatial_layers import Grid, stretched
from viz.techniques.attribution._cam_layer import cam_grid
from viz.techniques.attribution._gradient_maps import doubts
from viz.techniques.attribution._target_scores import layers_of

# Activations and gradients (b, c, rows, columns) -> maps (b, rows, columns).
Combine = Callable[[FloatArray, FloatArray], FloatArray]


def gradient_cams(
    model: Adapter, images: FloatArray, targets: Sequence[Target], layer: str | None, technique: str, combine: Combine
) -> list[HeatMap | ImageError]:
    """Heat maps of images (b, 3, h, w) from one layer's activations and the target's gradients there."""
    grid = cam_grid(model, layers_of(targets), layer, technique)
    name = grid.layer.name
    found = input_gradients(model, images, targets, layers=[name], pixels=False)
    cams = combine(grid.maps(found.activations[name]), grid.gradient_maps(found.layers[name]))
    return [cam_result(cam, grid, model.size, float(s), found) for cam, s in zip(cams, found.values, strict=True)]


def cam_result(
    cam: FloatArray,
    grid: Grid,
    size: tuple[int, int],
    score: float,
    found: Gradients | None = None,
    caption: str = "",
    *,
    warnings: tuple[str, ...] = (),
    numbers: Mapping[str, Number] | None = None,
) -> HeatMap | ImageError:
    """The result for one image from its map (rows, columns), laid over the model's input."""
    if not (np.isfinite(cam).all() and np.isfinite(score)):
        return ImageError(
            f"the score or its {'gradient' if found else 'map'} is not a finite number for this image",
            "`viz verify` finds the operation; with half precision leave out --precision native",
        )
    heat = stretched(cam, grid, size)
    y, x = peak_of(heat)
    if found:
        warnings += doubts(heat, found.straight_through)
    figures: dict[str, Number] = {"score": score, "layer": grid.layer.name, **(numbers or {}), "peak_y": y, "peak_x": x}
    return HeatMap({"heat": heat, "cells": cam.astype(np.float32)}, figures, warnings, caption=caption)


def positive(values: FloatArray) -> FloatArray:
    """What speaks for the target; the rest is zero."""
    found: FloatArray = np.maximum(values, 0)
    return found
