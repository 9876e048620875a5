"""A model that takes any number of images: split into batches that fit, counted as they pass."""

from collections.abc import Callable, Sequence

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import OutOfMemory
from viz.core.result import FloatArray

# A batch of this many input values keeps two cores busy and stays within a few hundred MB of
# activations for common networks (benchmarks/occlusion.py); GPUs want more at once.
_VALUES_PER_BATCH = 32 * 3 * 224 * 224
_GPU_FACTOR = 4


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
        pieces: list[dict[str, FloatArray]] = []
        start = 0
        while start < len(images):
            piece = images[start : start + self.batch_size]
            try:
                pieces.append(self._model.run(piece, layers))
            except OutOfMemory:
                if len(piece) == 1:
                    raise
                self._halve(len(piece))
                continue
            start += len(piece)
            self._counted(len(piece))
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
