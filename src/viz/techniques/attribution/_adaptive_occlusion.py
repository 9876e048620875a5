"""Drops at chosen positions only, in rounds for all images together, and whole maps whenever that ends."""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from viz.core.result import FloatArray, Number
from viz.techniques.attribution._adaptive_positions import AdaptivePositions, Numbers
from viz.techniques.attribution._hidden_scores import Classes, HiddenScores
from viz.techniques.attribution._occlusion_grid import Grid
from viz.techniques.attribution._occlusion_maps import Drops, broken_among

_LOW = 0.8  # rank correlation with the full map that is worth a warning


def drops_where_it_matters(
    hidden: HiddenScores, grid: Grid, share: float, seconds: float | None, seed: int
) -> list[Drops]:
    """Each image's drops, computed at no more than `share` of the positions and interpolated at the others.

    With `seconds`, no new round begins once that time has passed for each image.
    """
    began = time.monotonic()
    searches = [
        _Search(hidden, grid, i, AdaptivePositions(grid.shape, share, seed, grid.reach))
        for i in range(len(hidden.images))
    ]
    wanted = [search.positions.first() for search in searches]
    while any(len(numbers) for numbers in wanted):
        _compute(searches, wanted)
        if seconds is not None and time.monotonic() - began >= seconds * len(searches):
            break
        wanted = [search.following() for search in searches]
    return [search.drops() for search in searches]


def _compute(searches: "Sequence[_Search]", wanted: Sequence[Numbers]) -> None:
    hidden, grid = searches[0].hidden, searches[0].grid
    scores, predicted = hidden(np.concatenate([grid.places_of(i, numbers) for i, numbers in enumerate(wanted)]))
    ends = np.cumsum([len(numbers) for numbers in wanted])[:-1]
    parts = zip(searches, wanted, np.split(scores, ends), np.split(predicted, ends), strict=True)
    for search, numbers, found, classes in parts:
        search.enter(numbers, found, classes)


class _Search:
    """One image's rounds."""

    def __init__(self, hidden: HiddenScores, grid: Grid, image: int, positions: AdaptivePositions):
        self.hidden, self.grid, self.positions = hidden, grid, positions
        self._score = hidden.clean[image]
        self._predicted = np.zeros(grid.shape, np.intp)
        self._broken = broken_among(self._score, np.zeros(0, np.float32))

    def enter(self, numbers: Numbers, scores: FloatArray, classes: Classes) -> None:
        """The scores of a round, and the classes predicted."""
        self.positions.enter(numbers, self._score - scores)
        self._predicted.reshape(-1)[numbers] = classes
        self._broken += broken_among(0.0, scores)

    def following(self) -> Numbers:
        """The positions of the next round; none for an image whose scores are no numbers: it will have no map."""
        return np.zeros(0, np.intp) if self._broken else self.positions.following()

    def drops(self) -> Drops:
        """What is known now, as a whole map."""
        computed = self.positions.computed
        numbers: dict[str, Number] = {"positions": computed.size, "positions_computed": int(computed.sum())}
        correlation = None if self._broken else self.positions.rank_correlation()
        if correlation is not None:
            numbers["rank_correlation_estimate"] = correlation
        predicted = _of_the_nearest(self._predicted, computed)
        drops, warnings = self.positions.table(), _warnings(correlation)
        return Drops(self._score, drops, predicted, self._broken, computed, numbers, warnings)


def _warnings(correlation: float | None) -> tuple[str, ...]:
    if correlation is None or correlation >= _LOW:
        return ()
    return (
        f"the map's rank correlation with one of all positions is below {_LOW:g} (rank_correlation_estimate): "
        "give --positions a larger share, or leave --adaptive out",
    )


def _of_the_nearest(values: NDArray[np.intp], computed: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Values (rows, columns) with those not computed replaced by that of the nearest one that was."""
    import cv2  # here, so that listing the techniques stays quick

    away = (~computed).astype(np.uint8)
    labels = cv2.distanceTransformWithLabels(away, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)[1]
    of_label = np.zeros(labels.max() + 1, np.intp)
    of_label[labels[computed]] = values[computed]
    nearest: NDArray[np.intp] = of_label[labels]
    return nearest
