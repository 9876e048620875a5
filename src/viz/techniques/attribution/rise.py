"""RISE: show the image through random masks and see which pixels go with a high score."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from viz.core.adapter import Adapter
from viz.core.batching import worth_at_once
from viz.core.errors import ImageError
from viz.core.options import Opt
from viz.core.peaks import peak_of
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target
from viz.core.technique import technique
from viz.techniques.attribution._fills import fill_images
from viz.techniques.attribution._mask_statistics import MaskMaps, MaskStatistics
from viz.techniques.attribution._random_masks import RandomMasks
from viz.techniques.attribution._target_scores import clean_scores

_LOOK_AFTER = 256  # masks: how often the error is held against the tolerance, the same for any batch size
_MOSTLY_NOISE = 1 / 3  # mean standard error, as a part of the largest heat


@technique(
    source="Petsiuk et al. 2018, eq. 6, arXiv 1806.07421",
    smoke={"masks": 64},
)
class Rise:
    """Hide random parts of the image many times; heat is how much more the score is when a pixel is kept.

    Masks are coarse grids of cells, stretched smoothly and shifted at random, the same for every image. Heat
    is the paper's map, the mean score under the masks weighed by how much of a pixel they keep and divided by
    the expected mask value, less the mean score over all masks: so a pixel that does not matter is 0, and
    negative heat speaks against the target. The map as in the paper is kept as `expected_score`, and the
    standard error of every pixel as `standard_error`.

    The score is the target's own; the paper takes the probability, which is `--score probability`.
    """

    masks: Annotated[int, Opt("Masks, one forward pass each.", min=2)] = 4000
    cells: Annotated[int, Opt("Cells of a mask along the shorter side.", min=2)] = 7
    keep: Annotated[float, Opt("Probability that a cell is kept.", min=0.01, max=0.99)] = 0.5
    tolerance: Annotated[
        float, Opt("Stop once the mean standard error is at most this part of the largest heat; 0: never.", min=0)
    ] = 0.0
    fill: Annotated[
        str,
        Opt(
            "What hides: black, gray, mean (of the image), blur, noise, or R,G,B.",
            metavar="black|gray|mean|blur|noise|R,G,B",
        ),
    ] = "black"
    seed: Annotated[int, Opt("Seed of the masks and of the noise fill.", min=0)] = 0

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[HeatMap | ImageError]:
        """Heat maps of images (b, 3, h, w), one target each.

        An image for which the model gives scores that are not finite gets an `ImageError` in place of a map.
        """
        masks = self._masks(model.size)
        fills = fill_images(self.fill, images, masks.cell, self.seed)
        clean = clean_scores(model, images, targets)
        runs = [_Run(model, *each, self.keep) for each in zip(images, fills, targets, clean, strict=True)]
        for chunk in masks.chunks(worth_at_once(model), _LOOK_AFTER if self.tolerance else self.masks):
            for run in runs:
                if not run.settled:
                    run.add(chunk)
                    run.settled = run.broken or self._is_enough(run.statistics)
            if all(run.settled for run in runs):
                break
        return [run.result(masks.cell) for run in runs]

    def passes(self, size: tuple[int, int]) -> int:
        """Forward passes per image, at most."""
        return 1 + self.masks

    def _masks(self, size: tuple[int, int]) -> RandomMasks:
        return RandomMasks(size, -(-min(size) // self.cells), self.keep, self.masks, self.seed)

    def _is_enough(self, statistics: MaskStatistics) -> bool:
        if self.tolerance == 0 or statistics.count % _LOOK_AFTER:
            return False
        return _noise_part(statistics.maps()) <= self.tolerance


class _Run:
    """One image under the masks so far."""

    def __init__(self, model: Adapter, image: FloatArray, fill: FloatArray, target: Target, score: float, keep: float):
        self._model, self._image, self._fill, self._target, self._score = model, image, fill, target, score
        self.broken = not np.isfinite(score)
        self.settled = self.broken
        self.statistics = MaskStatistics(model.size, keep, around=score)

    def add(self, masks: FloatArray) -> None:
        shown = self._fill + masks[:, None] * (self._image - self._fill)
        scores = self._target.of(self._model.run(shown, self._target.layers))
        self.broken = not np.isfinite(scores).all()
        if not self.broken:
            self.statistics.add(masks, scores)

    def result(self, grain: int) -> HeatMap | ImageError:
        if self.broken:
            return ImageError(
                "the model's score is not a finite number for this image, whole or with parts hidden",
                "`viz predict` shows whether the preprocessing suits the model",
            )
        maps = self.statistics.maps()
        y, x = peak_of(maps.heat)
        arrays = {"heat": maps.heat, "expected_score": maps.expected_score, "standard_error": maps.standard_error}
        numbers = {
            "score": self._score,
            "mean_score": maps.mean_score,
            "masks": self.statistics.count,
            "mean_standard_error": float(maps.standard_error.mean()),
            "peak_y": y,
            "peak_x": x,
        }
        # Masks change over a cell: the noise of a finite number of them is smoother than the picture needs.
        return HeatMap(arrays, numbers, _warnings(maps, self.statistics.flat), grain=grain / 4)


def _noise_part(maps: MaskMaps) -> float:
    """The mean standard error as a part of the largest heat; 0 where there is neither."""
    largest = float(np.abs(maps.heat).max())
    error = float(maps.standard_error.mean())
    return error / largest if largest > 0 else 0.0


def _warnings(maps: MaskMaps, flat: bool) -> tuple[str, ...]:
    if flat:
        return ("hiding any part changes nothing: the target does not depend on the image here",)
    if (part := _noise_part(maps)) > _MOSTLY_NOISE:
        return (f"mostly noise: the mean standard error is {part:.0%} of the largest heat; give more --masks",)
    return ()
