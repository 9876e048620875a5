"""A model whose windows can be worked out by hand: a linear one, where a square changes its own products only."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.fakes import LinearModel
from viz.core.patch_plan import LayerPlan, PatchPlan, whole
from viz.core.patch_runner import PatchRunner
from viz.core.patches import Patched
from viz.core.result import FloatArray


class WindowedModel(LinearModel):
    """LinearModel that computes variants from the square alone, `off` by so much; or not, for a `reason`.

    Its plan has three layers: a convolution by windows of a quarter of its map, what follows in place, and a dense
    layer in full. 1 - `share` of 5,000,000 multiply-accumulates are spared.
    """

    share = (0.25 * 4_000_000 + 1_000_000) / 5_000_000

    def __init__(self, classes: int = 3, size: tuple[int, int] = (12, 16), reason: str = "", off: float = 0.0):
        weights = np.random.default_rng(0).normal(size=(classes, 3, *size)).astype(np.float32)
        super().__init__(weights, names="abcdefgh"[:classes])
        self.reason, self.off = reason, off

    def patch_plan(self, side: int, layers: Sequence[str], cap: float | None = None) -> PatchPlan:
        """See `Adapter.patch_plan`."""
        planned = (
            LayerPlan("conv_1", "Conv", "window", (12, 16), (6, 8), 0.25, 4_000_000),
            LayerPlan("relu_1", "Relu", "window", (12, 16), (6, 8), 0.25, 0),
            LayerPlan("scores", "Gemm", "full", (1, 1), (1, 1), 1.0, 1_000_000),
        )
        return whole(side, self.reason, planned) if self.reason else PatchPlan(side, "", planned, cap)

    def patch_runner(self, side: int, layers: Sequence[str], cap: float | None = None) -> PatchRunner | None:
        """See `Adapter.patch_runner`."""
        return None if self.reason else _Squares(self, self.patch_plan(side, layers, cap))


class _Squares(PatchRunner):
    def __init__(self, model: WindowedModel, plan: PatchPlan):
        self._model, self.plan = model, plan

    def batches(self, places: NDArray[np.intp], at_once: int) -> Sequence[NDArray[np.intp]]:
        return [np.arange(start, min(start + at_once, len(places))) for start in range(0, len(places), at_once)]

    def begin(self, images: FloatArray, fills: FloatArray) -> Any:
        return images, fills, self._model.run(images, ["scores"])["scores"]

    def run(self, begun: Any, places: NDArray[np.intp]) -> dict[str, FloatArray]:
        images, fills, clean = begun
        changed = Patched(images, fills, self.plan.side, places).drawn() - images[places[:, 0]]
        scores = clean[places[:, 0]] + np.einsum("kchw,bchw->bk", self._model.weights, changed) + self._model.off
        return {"scores": scores.astype(np.float32)}
