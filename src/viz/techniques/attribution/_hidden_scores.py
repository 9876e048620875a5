"""Scores of images with a patch at given positions: batches run across images, each read by its own target."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from viz.core.adapter import Adapter, per_image
from viz.core.batching import worth_at_once
from viz.core.patches import Patched
from viz.core.result import FloatArray
from viz.core.target import Target
from viz.techniques.attribution._target_scores import layers_of, scores_in

Places = NDArray[np.intp]
Classes = NDArray[np.intp]
_HELD_BYTES = 1 << 26  # of values read from the model at a time


@dataclass(frozen=True)
class HiddenScores:
    """What a model says of images (b, 3, h, w) of which a square of `patch` pixels shows `fills` (b, 3, h, w).

    `targets` has one for each image; `classes` is the layer that predicted classes are read from, or None. See
    `Patched` for `by_windows` and `cap`.
    """

    model: Adapter
    images: FloatArray
    fills: FloatArray
    patch: int
    targets: Sequence[Target]
    classes: str | None = None
    by_windows: bool = True
    cap: float | None = None

    def __call__(self, places: Places) -> tuple[FloatArray, Classes]:
        """Scores (n,) and predicted classes (n,) with the patch at `places` (n, 3): image, top, left.

        All classes are 0 where they are not asked for.
        """
        return self._computed(Patched(self.images, self.fills, self.patch, places, self.by_windows, self.cap))

    def exactly(self, places: Places) -> FloatArray:
        """Scores (n,) by whole passes, whatever is approximated else."""
        return self._computed(Patched(self.images, self.fills, self.patch, places, by_windows=False))[0]

    @property
    def layers(self) -> tuple[str, ...]:
        """What is read of every variant, each layer once."""
        return read_layers(self.targets, self.classes)

    @cached_property
    def clean(self) -> list[float]:
        """The score of each image as it is."""
        return scores_in(self._clean_values, self.targets)

    @cached_property
    def _clean_values(self) -> dict[str, FloatArray]:
        return self.model.run(self.images, self.layers)

    @cached_property
    def _at_once(self) -> int:
        held = sum(value[0].nbytes for value in self._clean_values.values())
        return int(max(worth_at_once(self.model), _HELD_BYTES // held))

    def _computed(self, patched: Patched) -> tuple[FloatArray, Classes]:
        scores, predicted = np.empty(len(patched), np.float32), np.zeros(len(patched), np.intp)
        for start in range(0, len(patched), self._at_once):
            part = slice(start, start + self._at_once)
            values = self.model.run_patched(patched.part(part.start, part.stop), self.layers)
            scores[part] = self._read(values, patched.places[part, 0])
            if self.classes:
                predicted[part] = per_image(values[self.classes]).argmax(axis=1)
        return scores, predicted

    def _read(self, values: dict[str, FloatArray], owners: NDArray[np.intp]) -> FloatArray:
        scores = np.empty(len(owners), np.float32)
        for image in np.unique(owners).tolist():
            rows = np.flatnonzero(owners == image)
            scores[rows] = self.targets[image].of({name: value[rows] for name, value in values.items()})
        return scores


def read_layers(targets: Sequence[Target], classes: str | None) -> tuple[str, ...]:
    """The layers that targets are read from, and that of the classes, each once."""
    return tuple(dict.fromkeys([*layers_of(targets), *([classes] if classes else [])]))
