"""Occlusion: hide one patch after another and see how far the score falls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from viz.core.adapter import Adapter, per_image
from viz.core.batching import worth_at_once
from viz.core.errors import ImageError, UsageError
from viz.core.options import Opt
from viz.core.patch_plan import PatchPlan
from viz.core.patches import Patched
from viz.core.peaks import peak_of
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target
from viz.core.technique import technique
from viz.techniques.attribution._fills import fill_images
from viz.techniques.metrics.deletion_insertion import STEPS, deletion_insertion

Positions = NDArray[np.intp]
_HELD_BYTES = 1 << 26  # of values read from the model at a time


@technique(
    source="Zeiler & Fergus 2013, section 4.2 and figure 7, arXiv 1311.2901",
    smoke={"stride": 24, "patch": 24},
)
class Occlusion:
    """Hide each part of the image in turn; heat is how far the score drops without it.

    The patch is never clipped: positions run from edge to edge, at most `stride` apart and the same
    from both sides, so a pixel at the border is hidden by a patch as large as any other. The heat of a
    pixel is the mean drop over the patches that cover it, in units of the score. Negative heat marks
    parts that spoke against the target.
    """

    patch: Annotated[int | None, Opt("Side of the patch in model pixels; default: a seventh of the input.", min=1)] = (
        None
    )
    stride: Annotated[int | None, Opt("Largest step between patches; default: half a patch.", min=1)] = None
    fill: Annotated[
        str,
        Opt(
            "What hides: black, gray, mean (of the image), blur, noise, or R,G,B.",
            metavar="black|gray|mean|blur|noise|R,G,B",
        ),
    ] = "gray"
    show_class: Annotated[bool, Opt("Also map the class that is predicted under the patch (figure 7e).")] = False
    evaluate: Annotated[bool, Opt("Also measure deletion and insertion areas (Petsiuk et al. 2018).")] = False
    seed: Annotated[int, Opt("Seed of the noise fill.", min=0)] = 0

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[HeatMap | ImageError]:
        """Heat maps of images (b, 3, h, w), one target each.

        An image for which the model gives scores that are not finite gets an `ImageError` in place of a
        map. Raises `UsageError` for a patch that does not fit.
        """
        grid = self._grid(model.size)
        fills = fill_images(self.fill, images, grid.patch, self.seed)
        classes = _class_layer(model) if self.show_class else None
        layers = _layers_of(targets, classes)
        clean = model.run(images, layers)
        at_once = max(worth_at_once(model), _HELD_BYTES // sum(v[0].nbytes for v in clean.values()))
        patched = Patched(images, fills, grid.patch, grid.places(len(images)))
        scores, predicted = _occluded(model, patched, targets, layers, classes, at_once)
        maps: list[HeatMap | ImageError] = []
        for i, target in enumerate(targets):
            score = float(target.of({name: value[i : i + 1] for name, value in clean.items()})[0])
            if problem := _not_finite(score, scores[i]):
                maps.append(problem)
                continue
            found = _heat_map(grid, score, scores[i], predicted[i] if classes else None)
            maps.append(deletion_insertion(model, images[i], found, target) if self.evaluate else found)
        return maps

    def passes(self, size: tuple[int, int]) -> int:
        """Forward passes per image of a model with input `size`, for estimates."""
        return 1 + len(self._grid(size)) + (2 * (STEPS + 1) if self.evaluate else 0)

    def patch_plan(self, model: Adapter, targets: Sequence[Target]) -> PatchPlan:
        """See `viz.core.hiding.HidesPatches`."""
        classes = _class_layer(model) if self.show_class else None
        return model.patch_plan(self._grid(model.size).patch, _layers_of(targets, classes))

    def variants(self, size: tuple[int, int]) -> int:
        """See `viz.core.hiding.HidesPatches`: the positions of the patch."""
        return len(self._grid(size))

    def _grid(self, size: tuple[int, int]) -> "Grid":
        patch = self.patch or max(1, round(min(size) / 7))
        if patch > min(size):
            raise UsageError(
                f"--patch {patch} is larger than the model's input of {size[1]}x{size[0]} pixels",
                f"give at most {min(size)}; about {max(1, round(min(size) / 7))} shows parts of objects",
            )
        stride = self.stride or max(1, patch // 2)
        if stride > patch:
            raise UsageError(
                f"--stride {stride} is larger than --patch {patch}: parts of the image would never be hidden",
                f"give a stride of at most {patch}",
            )
        return Grid(size, patch, _positions(size[0], patch, stride), _positions(size[1], patch, stride))


@dataclass(frozen=True)
class Grid:
    """Where the patch goes: its side, and the tops and lefts of its positions."""

    size: tuple[int, int]
    patch: int
    tops: Positions
    lefts: Positions

    @property
    def grain(self) -> float:
        """The largest step between neighbouring positions, in pixels."""
        return float(max(np.diff(starts, append=starts[-1]).max() for starts in (self.tops, self.lefts)))

    def __len__(self) -> int:
        return len(self.tops) * len(self.lefts)

    def places(self, count: int) -> Positions:
        """(count * positions, 3): image, top and left of every patch, image by image, row by row."""
        image, top, left = np.meshgrid(np.arange(count), self.tops, self.lefts, indexing="ij")
        return np.stack([image.ravel(), top.ravel(), left.ravel()], axis=1)

    def spread(self, values: FloatArray) -> FloatArray:
        """Per-position values (n,) as a map (h, w): at each pixel, the mean over the patches covering it."""
        rows, columns = self._cover(self.tops, self.size[0]), self._cover(self.lefts, self.size[1])
        table = values.reshape(len(self.tops), len(self.lefts)).astype(np.float64)
        return (rows @ table @ columns.T).astype(np.float32)

    def nearest(self, values: NDArray[np.intp]) -> NDArray[np.intp]:
        """Per-position values (n,) as a map (h, w): at each pixel, that of the patch centred nearest."""
        table = values.reshape(len(self.tops), len(self.lefts))
        rows, columns = self._closest(self.tops, self.size[0]), self._closest(self.lefts, self.size[1])
        return table[np.ix_(rows, columns)]

    def _cover(self, starts: Positions, length: int) -> NDArray[np.float64]:
        """(length, positions): 1 / count where a position covers a pixel. The mean is separable in y and x."""
        pixels = np.arange(length)[:, None]
        covered = (pixels >= starts) & (pixels < starts + self.patch)
        weights: NDArray[np.float64] = covered / covered.sum(axis=1, keepdims=True)
        return weights

    def _closest(self, starts: Positions, length: int) -> NDArray[np.intp]:
        centres = starts + (self.patch - 1) / 2
        closest: NDArray[np.intp] = np.abs(np.arange(length)[:, None] - centres).argmin(axis=1)
        return closest


def _positions(length: int, patch: int, stride: int) -> Positions:
    """Starts of whole patches from 0 to length - patch, at most `stride` apart, mirror-symmetric."""
    last = length - patch
    steps = -(-last // stride)
    if last % 2 and steps % 2 == 0:
        steps += bool(steps)  # an odd stretch has no middle pixel for the middle patch: take one patch more
    if steps == 0:
        return np.array([0], np.intp)
    # Rounding one half and mirroring it keeps every step at most ceil(last / steps), which is at most `stride`.
    left = np.rint(np.arange(steps // 2 + 1) * last / steps).astype(np.intp)
    return np.concatenate([left, last - left[: (steps + 1) // 2][::-1]])


def _occluded(
    model: Adapter,
    patched: Patched,
    targets: Sequence[Target],
    layers: Sequence[str],
    classes: str | None,
    at_once: int,
) -> tuple[FloatArray, NDArray[np.intp]]:
    """Scores (b, positions) with each patch hidden, and the predicted classes; batches run across images."""
    positions = len(patched) // len(patched.images)
    scores = np.empty(len(patched), np.float32)
    predicted = np.zeros(len(patched) if classes else 0, np.intp)
    for start in range(0, len(patched), at_once):
        rows = range(start, min(start + at_once, len(patched)))
        values = model.run_patched(patched.part(rows.start, rows.stop), layers)
        _read_scores(values, targets, rows, positions, scores)
        if classes:
            predicted[rows.start : rows.stop] = per_image(values[classes]).argmax(axis=1)
    return scores.reshape(len(targets), -1), predicted.reshape(len(targets), -1)


def _read_scores(
    values: dict[str, FloatArray], targets: Sequence[Target], rows: range, per_target: int, scores: FloatArray
) -> None:
    """Read each row with its own image's target; the rows of one image lie side by side."""
    for i in range(rows.start // per_target, (rows.stop - 1) // per_target + 1):
        first, last = max(rows.start, i * per_target), min(rows.stop, (i + 1) * per_target)
        part = slice(first - rows.start, last - rows.start)
        scores[first:last] = targets[i].of({name: value[part] for name, value in values.items()})


def _not_finite(score: float, scores: FloatArray) -> ImageError | None:
    """The error for an image that the model answers with NaN or infinity, whole or with a patch hidden."""
    broken = int((~np.isfinite(scores)).sum()) + (not np.isfinite(score))
    if not broken:
        return None
    return ImageError(
        f"the model's score is not a finite number for {broken} of {len(scores) + 1} variants of this image",
        "`viz predict` shows whether the preprocessing suits the model",
    )


def _heat_map(grid: Grid, score: float, scores: FloatArray, predicted: NDArray[np.intp] | None) -> HeatMap:
    drops = score - scores
    heat = grid.spread(drops)
    y, x = peak_of(heat)
    arrays = {
        "heat": heat,
        "drops": drops.reshape(len(grid.tops), len(grid.lefts)),
        "tops": grid.tops,
        "lefts": grid.lefts,
    }
    if predicted is not None:
        arrays["predicted_class"] = grid.nearest(predicted)
    numbers = {"score": score, "drop": float(heat.max()), "peak_y": y, "peak_x": x}
    return HeatMap(arrays, numbers, _warnings(drops), grid.grain)


def _warnings(drops: FloatArray) -> tuple[str, ...]:
    if np.ptp(drops) == 0:
        return ("hiding any part changes nothing: the target does not depend on the image here",)
    if drops.max() <= 0:
        return ("hiding no part lowers the score: nothing in the image speaks for this target",)
    return ()


def _layers_of(targets: Sequence[Target], classes: str | None) -> tuple[str, ...]:
    """What is read of every variant, each layer once."""
    wanted = [layer for target in targets for layer in target.layers]
    return tuple(dict.fromkeys([*wanted, *([classes] if classes else [])]))


def _class_layer(model: Adapter) -> str:
    scores = model.scores
    layer = (scores.logits or scores.probabilities) if scores else None
    if layer is None:
        raise UsageError("--show-class needs class scores, and this model has none", "leave --show-class out")
    return layer
