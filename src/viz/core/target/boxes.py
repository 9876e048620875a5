"""Targets of detectors: the class score of one box, chosen on the clean image by class and overlap."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viz.core.adapter import Adapter
from viz.core.errors import ImageError, UsageError
from viz.core.readings import BoxScore
from viz.core.result import FloatArray
from viz.core.target.asked import Asked, Found
from viz.core.target.box_format import BoxFormat
from viz.core.target.box_outputs import BoxOutputs, box_outputs
from viz.core.target.places import Corners, Rectangle
from viz.core.target.squashes import Place, are_shares, score_place
from viz.core.target.weighted import Target, Term

_NOTABLE = 0.25  # of the best score for the class: boxes below are not what the model takes for one
_AS_CLOSE = 0.9  # of the greatest overlap: boxes above mean the same thing, and the surest speaks for them


@dataclass(frozen=True)
class _Boxes:
    """One image's boxes: places (n, 4) in pixels, and scores (n, classes) by which they are ranked."""

    places: Corners
    scores: FloatArray

    @property
    def strength(self) -> NDArray[np.float64]:
        """The scores as shares in [0, 1], so that they can be compared; in the same order."""
        wide = self.scores.astype(np.float64)
        return wide if are_shares(self.scores) else (1 + np.tanh(wide / 2)) / 2  # the sigmoid, without overflow


def box_targets(text: str, near: Rectangle | None, given: BoxFormat, layer: str | None, asked: Asked) -> list[Found]:
    """One target per image: the score of a box, which stays the same box however the image is changed.

    `text` is a class, or `top1` for the box with the highest score of all. With `near`, the box of that class
    that overlaps it most, among those with at least a quarter of the best score that overlap it at all; of
    several that overlap it nearly as much (nine tenths), the one with the highest score.
    An image in which no box overlaps has an `ImageError` in place of a target.
    """
    outputs = box_outputs(asked.model, layer, given)
    if near is not None:
        near.check(asked.model.size)
    if text.startswith("top") and text != "top1" and text[3:].isdecimal():
        problem = f"box {text}: boxes of lower rank mostly show the same again"
        raise UsageError(problem, "name the place: 'box CLASS near X0,Y0,X1,Y1'")
    if not len(asked.images):
        asked.classes(text, outputs.classes, lambda rank: [])  # raises for a class that there is not
        return []
    found, place = _boxes(asked, outputs, given)
    classes = asked.classes(text, outputs.classes, lambda rank: [_best_class(boxes, near, outputs) for boxes in found])
    return [_target(asked.model, outputs, place, *one, near) for one in zip(found, classes, strict=True)]


def _boxes(asked: Asked, outputs: BoxOutputs, given: BoxFormat) -> tuple[list[_Boxes], Place]:
    table, places = asked.values(outputs.scores), asked.values(outputs.boxes)
    if outputs.boxes_last:
        table, places = table.swapaxes(1, 2), places.swapaxes(1, 2)
    place = _joined_place(asked, outputs, table) if outputs.joined else score_place(asked, outputs.scores, table, -1)
    scores = table[:, :, outputs.first_class :]
    if outputs.objectness is not None:
        scores = scores * table[:, :, outputs.objectness, None]
    corners = [given.corners(rows[:, :4], asked.model.size) for rows in places]
    return [_Boxes(*one) for one in zip(corners, scores, strict=True)], place


def _joined_place(asked: Asked, outputs: BoxOutputs, table: FloatArray) -> Place:
    """How scores beside their boxes are read: as they are."""
    _refuse_selected(outputs, table)
    scores = table[:, :, 4:]
    kind = "probability" if are_shares(scores) else "logit"
    if outputs.objectness is not None and kind == "logit":
        raise UsageError(
            f"objectness and class scores of {outputs.scores} reach from {scores.min():.3g} to {scores.max():.3g}, "
            "and only probabilities can be multiplied",
            "if the fifth number is a class already: 'box CLASS as no-objectness'",
        )
    if asked.score not in ("auto", kind):
        raise UsageError(f"{outputs.scores} gives each box's {kind}, and nothing else", f"use --score {kind}")
    return Place(outputs.scores, "none", kind)


def _refuse_selected(outputs: BoxOutputs, table: FloatArray) -> None:
    """Boxes that were already selected are another list for every image: none of them could be followed."""
    last = table[:, :, -1]
    if table.shape[2] in (6, 7) and (last == last.round()).all():
        raise UsageError(
            f"{outputs.scores} lists boxes with the number of their class, selected and in order of their scores: "
            "which of them is which changes with the image",
            "name the tensor before the selection: 'box CLASS of LAYER'",
        )


def _best_class(boxes: _Boxes, near: Rectangle | None, outputs: BoxOutputs) -> int:
    """The class of the box with the highest score; with `near`, scores count as far as boxes overlap it.

    Scores in a tensor of their own may hold one for background: that is what most boxes then are, and no
    photo holds the same thing in most of a detector's boxes.
    """
    weighted = boxes.strength if near is None else boxes.strength * near.overlap(boxes.places)[:, None]
    best: NDArray[np.float64] = weighted.max(axis=0)
    background = (boxes.strength > 0.5).mean(axis=0) > 0.5
    if not outputs.joined and not background.all():
        best[background] = -1
    return int(best.argmax())


def _target(
    model: Adapter, outputs: BoxOutputs, place: Place, boxes: _Boxes, index: int, near: Rectangle | None
) -> Found:
    scores = boxes.scores[:, index]
    box = int(scores.argmax()) if near is None else _nearest(boxes, index, near)
    name = model.labels.name(index)
    if box is None:
        best = _in_words(boxes.places[scores.argmax()])
        return ImageError(f"no box of the model overlaps {near}", f"its best box of {name!r} is {best}")
    objectness = () if outputs.objectness is None else (outputs.objectness,)
    channels = (*objectness, outputs.first_class + index)
    reading = BoxScore(place.layer, box, channels, outputs.boxes_last, place.squash)
    return Target((Term(reading),), f"{name} box {_in_words(boxes.places[box])}", score=place.kind)


def _nearest(boxes: _Boxes, index: int, near: Rectangle) -> int | None:
    overlap, strength = near.overlap(boxes.places), boxes.strength[:, index]
    touching = overlap > 0
    if not touching.any():
        return None
    notable = touching & (strength >= _NOTABLE * strength[touching].max())
    close = notable & (overlap >= _AS_CLOSE * overlap[notable].max())
    return int(np.where(close, strength, -1).argmax())


def _in_words(corners: NDArray[np.float64]) -> str:
    return ",".join(f"{side:.0f}" for side in corners)
