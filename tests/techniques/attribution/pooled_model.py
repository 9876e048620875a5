"""A network small enough to work out by hand: coloured cells, rectified, a linear head on their mean."""

from collections.abc import Sequence

import numpy as np

from viz.core.adapter import Adapter, Layer, ModelSource, ReceptiveField, Rule, Scores, Trace
from viz.core.labels import Labels
from viz.core.preprocess import Preprocess
from viz.core.result import FloatArray


class PooledModel(Adapter):
    """Pixels -> `cells` (b, c, rows, columns) -> `scores` (b, classes).

    A cell is the mean of `side` x `side` pixels; its channels are weighted sums of the three colours plus a
    shift, rectified. The scores are a linear head on the mean of all cells.
    """

    def __init__(self, rows: int, columns: int, channels: int = 5, classes: int = 3, side: int = 4, seed: int = 0):
        random = np.random.default_rng(seed)
        self.mixing = random.standard_normal((channels, 3)).astype(np.float32)
        self.shift = random.normal(0, 0.2, channels).astype(np.float32)
        self.head = random.standard_normal((classes, channels)).astype(np.float32)
        self.bias = random.standard_normal(classes).astype(np.float32)
        self.side, self.cells = side, (rows, columns)
        self.source = ModelSource("pooled", "pooled.onnx", "0" * 64, "fake")
        self.labels, self.preprocess = Labels(), Preprocess(size=(rows * side, columns * side))
        self.scores, self.outputs = Scores(classes, "scores", None), ("scores",)
        field = ReceptiveField((side, side), (side, side), (0, 0))
        self.layers = {
            "cells": Layer("cells", "Relu", (None, channels, rows, columns), receptive_field=field),
            "scores": Layer("scores", "Gemm", (None, classes)),
        }
        self.notes: list[str] = []

    def run(self, images: FloatArray, layers: Sequence[str]) -> dict[str, FloatArray]:
        """See `Adapter.run`."""
        rows, columns = self.cells
        pooled = images.reshape(len(images), 3, rows, self.side, columns, self.side).mean(axis=(3, 5))
        cells = np.maximum(np.einsum("kc,bcyx->bkyx", self.mixing, pooled) + self.shift[:, None, None], 0)
        return {name: cells if name == "cells" else self._scores(cells) for name in layers}

    def run_from(self, layer: str, values: FloatArray, layers: Sequence[str]) -> dict[str, FloatArray]:
        """See `Adapter.run_from`."""
        assert layer == "cells"
        return {name: self._scores(values) for name in layers}

    def trace(self, images, layers: Sequence[str], rule: Rule = "plain") -> Trace:
        """See `Adapter.trace`."""
        import torch

        pooled = torch.nn.functional.avg_pool2d(images, self.side)
        mixed = torch.einsum("kc,bcyx->bkyx", torch.from_numpy(self.mixing), pooled)
        cells = torch.relu(mixed + torch.from_numpy(self.shift)[:, None, None])
        scores = cells.mean((2, 3)) @ torch.from_numpy(self.head).T + torch.from_numpy(self.bias)
        values = {"cells": cells, "scores": scores}
        return Trace({name: values[name] for name in layers})

    def _scores(self, cells: FloatArray) -> FloatArray:
        return cells.mean(axis=(2, 3)) @ self.head.T + self.bias

    def contributions(self, image: FloatArray, index: int) -> FloatArray:
        """What each cell adds to the score of a class, (rows, columns): the class activation map, known exactly."""
        cells = self.run(image[None], ["cells"])["cells"][0]
        rows, columns = self.cells
        return np.einsum("k,kyx->yx", self.head[index], cells) / (rows * columns)
