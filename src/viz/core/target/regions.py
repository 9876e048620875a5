"""Targets of segmenters: a class at a pixel, in a box, or over the mask that the model predicts for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from viz.core.adapter import Adapter
from viz.core.errors import ImageError, UsageError
from viz.core.readings import Constant, RegionScore, planes
from viz.core.result import FloatArray
from viz.core.target.asked import Asked, Found
from viz.core.target.outputs import no_class_scores, outputs_in_words, shape_of
from viz.core.target.places import Rectangle, point_cover
from viz.core.target.squashes import are_shares, score_place
from viz.core.target.weighted import Target, Term

Region = tuple[int, int] | Rectangle | Literal["mask"]  # a pixel (y, x), a box, or what the model predicts


@dataclass(frozen=True)
class DenseScores:
    """A tensor with a score for every class at every cell of a grid over the image."""

    layer: str
    classes: int
    grid: tuple[int, int]
    channels_last: bool


def region_targets(text: str, region: Region, layer: str | None, asked: Asked) -> list[Found]:
    """One target per image: the mean score of the class that `text` means, over `region`.

    A predicted mask is that of the clean image. An image for which the model predicts no such class has an
    `ImageError` in place of a target. Raises `UsageError` where the model has no such scores.
    """
    dense = dense_scores(asked.model, layer)
    covers = _covers(region, dense, asked.model.size)
    if not len(asked.images):
        asked.classes(text, dense.classes, lambda rank: [])  # raises for a class that there is not
        return []
    values = asked.values(dense.layer)
    maps = planes(values, dense.channels_last)
    masks = _masks(maps)
    ranking = _areas(masks, dense.classes) if covers is None else np.einsum("bkhw,hw->bk", maps, covers)
    order = np.argsort(-ranking, axis=1, kind="stable")
    classes = asked.classes(text, dense.classes, lambda rank: order[:, rank - 1].tolist())
    place = score_place(asked, dense.layer, values, -1 if dense.channels_last else 1)
    found: list[Found] = []
    for mask, index in zip(masks, classes, strict=True):
        chosen = mask == index
        if covers is None and not chosen.any():
            found.append(_not_predicted(asked.model, mask, index))
            continue
        weights = chosen / chosen.sum() if covers is None else covers
        reading = RegionScore(place.layer, index, Constant.of(weights), dense.channels_last, place.squash)
        label = asked.model.labels.name(index) + _in_words(region)
        found.append(Target((Term(reading),), label, score=place.kind))
    return found


def dense_scores(model: Adapter, layer: str | None = None) -> DenseScores:
    """The scores (b, classes, h, w) or (b, h, w, classes) of a segmenter; the first output of that form.

    Raises `UsageError` naming the outputs where there are none, or where the labels are for other classes.
    """
    names = [model.layer(layer).name] if layer else model.outputs
    for name in names:
        shape = shape_of(model, name)
        if len(shape) == 3 and sum(side > 1 for side in shape) > 1:  # not (classes, 1, 1)
            return _checked(model, _described(name, shape, model))
    if layer:
        raise UsageError(f"{layer} is {shape_of(model, names[0])} per image, not (classes, h, w)")
    if model.scores is None:
        raise no_class_scores(model, "class scores for every place, (b, classes, h, w)")
    raise UsageError(
        f"{model.source.name} scores the whole image, not its parts; {outputs_in_words(model)}",
        "leave the place out: --target CLASS",
    )


def _described(name: str, shape: tuple[int, ...], model: Adapter) -> DenseScores:
    first = DenseScores(name, shape[0], (shape[1], shape[2]), channels_last=False)
    last = DenseScores(name, shape[2], (shape[0], shape[1]), channels_last=True)
    if len(model.labels.names) in (shape[0], shape[2]) and shape[0] != shape[2]:
        return first if shape[0] == len(model.labels.names) else last
    return last if _fits(last.grid, model.size) and not _fits(first.grid, model.size) else first


def _fits(grid: tuple[int, int], size: tuple[int, int]) -> bool:
    """Whether a grid has the proportions of the input, but for rounding to whole cells."""
    step = size[0] / grid[0]
    return abs(size[1] / step - grid[1]) < 1.5


def _checked(model: Adapter, dense: DenseScores) -> DenseScores:
    names = len(model.labels.names)
    if names not in (0, dense.classes):
        raise UsageError(
            f"{dense.layer} scores {dense.classes} classes, and there are {names} labels",
            "give --labels with one name for every class, background included, or `of LAYER` for another tensor",
        )
    return dense


def _covers(region: Region, dense: DenseScores, size: tuple[int, int]) -> FloatArray | None:
    """The region's weights on the grid; None for a mask, which differs from image to image."""
    if isinstance(region, tuple):
        return point_cover(region, size, dense.grid)
    if isinstance(region, Rectangle):
        region.check(size)
        return region.cover(size, dense.grid)
    return None


def _masks(maps: FloatArray) -> NDArray[np.intp]:
    """The class predicted at each cell, (b, h, w); with a single class, 0 where it is likelier than not and -1."""
    if maps.shape[1] > 1:
        best: NDArray[np.intp] = maps.argmax(axis=1)
        return best
    return np.where(maps[:, 0] > (0.5 if are_shares(maps) else 0), 0, -1)


def _areas(masks: NDArray[np.intp], classes: int) -> NDArray[np.intp]:
    return np.stack([np.bincount(mask[mask >= 0], minlength=classes) for mask in masks])


def _not_predicted(model: Adapter, mask: NDArray[np.intp], index: int) -> ImageError:
    found: Sequence[int] = np.unique(mask[mask >= 0]).tolist()
    seen = ", ".join(model.labels.name(i) for i in found) or "nothing"
    return ImageError(
        f"the model predicts {model.labels.name(index)!r} nowhere in this image; it predicts: {seen}",
        "choose one of those, or a place: 'CLASS in X0,Y0,X1,Y1'",
    )


def _in_words(region: Region) -> str:
    if isinstance(region, tuple):
        return f"@{region[0]},{region[1]}"
    return f" in {region}"
