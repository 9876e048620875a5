"""A model that takes any number of images: split into batches that fit, counted as they pass."""

from collections.abc import Callable, Sequence

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import OutOfMemory
from viz.core.patches import Patched
from viz.core.result import FloatArray

# On a CPU the activations of a small batch stay in its caches: 8 images of 224 x 224 ran fastest
# (benchmarks/occlusion.py); GPUs want more at once.
_VALUES_PER_BATCH = 8 * 3 * 224 * 224
_GPU_FACTOR = 16


class BatchedAdapter(Adapter):
    """Wraps a model; `batch_size` is how many images are worth giving at once.

    Out of memory, the batch is halved, for good, and the same images are run again; with a single
    image there is nothing to halve and the error stands. `counted` is called with the number of
    images after every batch.
    """

    def __init__(
        self, model: Adapter, batch_size: int | None = None, counted: Callable[[int], None] = lambda count: None
    ):
        self._model = model
        self._counted = counted
        self.batch_size = batch_size or _automatic(model)
        self.source, self.layers, self.outputs = model.source, model.layers, model.outputs
        self.scores, self.labels, self.preprocess = model.scores, model.labels, model.preprocess
        self.notes, self.warnings = model.notes, model.warnings

    def run(self, images: FloatArray, layers: Sequence[str]) -> dict[str, FloatArray]:
        """See `Adapter.run`; any number of images."""
        return self._in_batches(len(images), lambda a, b: self._model.run(images[a:b], layers))

    def run_patched(self, patched: Patched, layers: Sequence[str]) -> dict[str, FloatArray]:
        """See `Adapter.run_patched`; any number of variants."""
        return self._in_batches(len(patched), lambda a, b: self._model.run_patched(patched.part(a, b), layers))

    def _in_batches(self, count: int, run: Callable[[int, int], dict[str, FloatArray]]) -> dict[str, FloatArray]:
        pieces: list[dict[str, FloatArray]] = []
        start = 0
        while start < count:
            stop = min(start + self.batch_size, count)
            try:
                pieces.append(run(start, stop))
            except OutOfMemory:
                if stop - start == 1:
                    raise
                self._halve(stop - start)
                continue
            self._counted(stop - start)
            start = stop
        return pieces[0] if len(pieces) == 1 else {n: np.concatenate([p[n] for p in pieces]) for n in pieces[0]}

    def _halve(self, tried: int) -> None:
        self.batch_size = max(1, tried // 2)
        self.notes.append(f"out of memory with {tried} images at once: went on with {self.batch_size}")


def batch_size_of(model: Adapter) -> int:
    """How many images to give at once: the wrapper's figure, or the automatic one for a bare model."""
    return model.batch_size if isinstance(model, BatchedAdapter) else _automatic(model)


def _automatic(model: Adapter) -> int:
    height, width = model.size
    budget = _VALUES_PER_BATCH * (1 if model.source.device == "cpu" else _GPU_FACTOR)
    return int(min(256, max(1, budget // (3 * height * width))))
