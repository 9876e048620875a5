"""Occlusion of a torch model by windows: on its ONNX export, where that gives the same values."""

from collections.abc import Callable, Mapping, Sequence
from math import inf, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.adapters.torch_module.model_state import state_of
from viz.adapters.torch_module.runner import Runner, Table
from viz.adapters.torch_module.through_onnx import IMAGES_COMPARED, Export, exported
from viz.core.patch_plan import PatchPlan, whole
from viz.core.patch_runner import PatchRunner, Places
from viz.core.result import FloatArray

# Of a model with fewer multiply-accumulates, a few images are done before its export is (decision 0015).
_WORTH_AN_EXPORT = {"cpu": 250 * 10**6, "cuda": 20 * 10**9}


class ExportedRunner(PatchRunner):
    """Windows on the exported graph, under the names that layers were asked for by."""

    def __init__(self, inner: PatchRunner, tensors: Mapping[str, str], holds: Callable[[], bool]):
        self._inner, self._tensors, self._holds = inner, tensors, holds
        self.plan, self.tolerance = inner.plan, inner.tolerance

    def holds(self) -> bool:
        """See `PatchRunner.holds`."""
        return self._holds()

    def prepare(self) -> None:
        """See `PatchRunner.prepare`."""
        self._inner.prepare()

    def batches(self, places: Places, at_once: int) -> Sequence[NDArray[np.intp]]:
        """See `PatchRunner.batches`."""
        return self._inner.batches(places, at_once)

    def begin(self, images: FloatArray, fills: FloatArray) -> Any:
        """See `PatchRunner.begin`."""
        return self._inner.begin(images, fills)

    def run(self, begun: Any, places: Places) -> dict[str, FloatArray]:
        """See `PatchRunner.run`."""
        values = self._inner.run(begun, places)
        return {name: values[tensor] for name, tensor in self._tensors.items()}


class Windows:
    """A torch model's exports, one for each set of layers, made anew when the model has changed."""

    def __init__(self, runner: Runner, table: Table):
        self._runner, self._table = runner, table
        self._exports: dict[tuple[str, ...], Export] = {}

    def plan(self, side: int, layers: Sequence[str], cap: float | None) -> PatchPlan:
        """See `Adapter.patch_plan`; layers by their names in the table, the plan's by those in the ONNX graph."""
        reason = self._why_not_tried()
        if reason:
            return whole(side, reason)
        found = self._export(tuple(dict.fromkeys(layers)))
        return found.onnx.patch_plan(side, found.tensors, cap) if found.onnx else whole(side, found.reason)

    def runner(self, side: int, layers: Mapping[str, str], cap: float | None) -> PatchRunner | None:
        """See `Adapter.patch_runner`; layers as they were asked for, and their names in the table."""
        if self._why_not_tried():
            return None
        names = tuple(dict.fromkeys(layers.values()))
        found = self._export(names)
        inner = found.onnx.patch_runner(side, found.tensors, cap) if found.onnx else None
        if inner is None:
            return None
        tensors = dict(zip(names, found.tensors, strict=True))
        asked = {asked: tensors[name] for asked, name in layers.items()}
        return ExportedRunner(inner, asked, lambda: self._holds(names, found))

    def evidence(self) -> list[dict[str, object]]:
        """What exports and model were found to differ by on noise images, in plain values."""
        return [
            {"layers": list(layers), "images": IMAGES_COMPARED, **one.agreement}
            for layers, one in self._exports.items()
            if isfinite(one.agreement.get("largest_difference", inf))
        ]

    def _why_not_tried(self) -> str:
        device, costs = self._runner.device.type, [layer.macs for layer in self._table.layers.values()]
        worth = _WORTH_AN_EXPORT.get(device)
        if worth is None:
            return f"onnxruntime has no device {device!r} for the model's ONNX export"
        known = sum(cost or 0 for cost in costs)
        if None in costs or known >= worth:  # TorchScript does not say what it costs
            return ""
        return (
            f"the model is too small to be worth an ONNX export, with {known / 1e9:.2g} of at least "
            f"{worth / 1e9:g} G multiply-accumulates; its ONNX file would be run by windows"
        )

    def _export(self, layers: tuple[str, ...]) -> Export:
        found = self._exports.get(layers)
        if found is None or not self._holds(layers, found):
            found = self._exports[layers] = exported(self._runner, self._table, layers)
        return found

    def _holds(self, layers: tuple[str, ...], found: Export) -> bool:
        """Whether the model is still the one that was exported."""
        return found.state.same_as(state_of(self._runner, self._table, layers))
