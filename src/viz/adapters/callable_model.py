"""Any Python function from images to scores, for every technique that needs no gradient."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from viz.core.adapter import Adapter, Layer, ModelSource, Scores
from viz.core.errors import ModelError, OutOfMemory, VizError
from viz.core.labels import Labels
from viz.core.preprocess import Preprocess
from viz.core.result import FloatArray

_SCORES = "scores"


class CallableAdapter(Adapter):
    """A function `images (b, 3, h, w) float32 in [0, 1] -> scores (b, classes)`.

    Args:
        function: gets an array of its own and may return anything that numpy makes an array of.
        size: height and width of the images it gets.
        labels: class names.
        preprocess: how the function wants its images; None: pixels as they are, stretched to `size`.
        classes: how many scores it gives; None: as many as for a trial image.
        probabilities: whether the scores are probabilities already; None: look at a trial image.
        name: what to call it in records; None: the function's own name.
    Raises `ModelError` where the function fails or gives something else.
    """

    def __init__(
        self,
        function: Callable[[FloatArray], Any],
        size: tuple[int, int],
        *,
        labels: Sequence[str] | Labels = (),
        preprocess: Preprocess | None = None,
        classes: int | None = None,
        probabilities: bool | None = None,
        name: str | None = None,
    ):
        name = name or str(getattr(function, "__name__", type(function).__name__))
        self._function, self._classes = function, classes
        self.source = ModelSource(name, name, sha256="", runtime="python")  # code has no checksum worth the name
        self.preprocess = _fitting(preprocess, size)
        self.outputs, self.notes = (_SCORES,), []
        trial = self._scored(np.random.default_rng(0).random((2, 3, *size), np.float32))
        self._classes = trial.shape[1]
        self.layers = {_SCORES: Layer(_SCORES, name, (None, self._classes), ("0",))}
        self.scores = self._kind_of_scores(trial, probabilities)
        self.labels = _checked_labels(labels, self._classes)

    def run(self, images: FloatArray, layers: Sequence[str]) -> dict[str, FloatArray]:
        """See `Adapter.run`; the only layer is `scores`."""
        asked = [name for name in layers if self.layer(name)]  # raises for any other name
        return dict.fromkeys(asked, self._scored(images)) if asked else {}

    def _scored(self, images: FloatArray) -> FloatArray:
        try:
            given = self._function(self.preprocess.encode(images))
            scores = np.asarray(given, np.float32)
        except VizError:
            raise
        except MemoryError as problem:
            raise OutOfMemory(f"{self.source.name} ran out of memory", "try a smaller --batch-size") from problem
        except Exception as problem:  # the user's code may raise anything
            raise ModelError(
                f"{self.source.name} failed for {len(images)} images: {type(problem).__name__}: {problem}",
                "it gets images (b, 3, h, w), float32 in [0, 1], and returns scores (b, classes)",
            ) from problem
        self._check(scores, len(images))
        return scores

    def _check(self, scores: FloatArray, count: int) -> None:
        wanted = (count, self._classes or "classes")
        fits = scores.ndim == 2 and scores.shape[0] == count and scores.shape[1] == (self._classes or scores.shape[1])
        if not fits or scores.shape[1] == 0:
            raise ModelError(
                f"{self.source.name} gave shape {scores.shape} for {count} images",
                f"it must return scores of shape ({wanted[0]}, {wanted[1]}), one row for every image",
            )
        bad = np.argwhere(~np.isfinite(scores))
        if len(bad):
            row, column = bad[0]
            raise ModelError(
                f"{self.source.name} gave {scores[row, column]} for class {column}, {len(bad)} such values in all",
                "scores must be finite numbers",
            )

    def _kind_of_scores(self, trial: FloatArray, probabilities: bool | None) -> Scores:
        if probabilities is None and _sums_to_one(trial):
            self.notes.append("the scores are positive and sum to 1: read as probabilities")
            probabilities = True
        classes = trial.shape[1]
        return Scores(classes, None, _SCORES) if probabilities else Scores(classes, _SCORES, None)


def _sums_to_one(scores: FloatArray) -> bool:
    return bool(scores.shape[1] > 1 and scores.min() >= 0 and np.allclose(scores.sum(axis=1), 1, atol=1e-3))


def _fitting(preprocess: Preprocess | None, size: tuple[int, int]) -> Preprocess:
    preprocess = preprocess or Preprocess(size=size)
    if preprocess.size != tuple(size):
        raise ModelError(f"size is {tuple(size)}, and preprocess.size {preprocess.size}", "make them equal")
    return preprocess


def _checked_labels(labels: Sequence[str] | Labels, classes: int) -> Labels:
    """Names in another number than the classes would name them wrongly."""
    found = labels if isinstance(labels, Labels) else Labels(tuple(labels), "given")
    if found.names and len(found.names) != classes:
        raise ModelError(f"{len(found.names)} labels for {classes} classes", "give one name for every class, in order")
    return found
