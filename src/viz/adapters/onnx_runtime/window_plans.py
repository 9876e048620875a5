"""Plans of how variants are computed by windows: made once per square, wanted tensors and cap."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from onnx import ModelProto, TensorProto

from viz.adapters.onnx_graph.file import Constants, OnnxFile
from viz.adapters.onnx_graph.image_input import ImageInput
from viz.adapters.onnx_graph.tensors import Tensors
from viz.adapters.onnx_graph.windows.facts import Facts
from viz.adapters.onnx_graph.windows.planning import planned
from viz.adapters.onnx_runtime.sessions import Sessions
from viz.adapters.onnx_runtime.survey import Survey, Values
from viz.adapters.onnx_runtime.widened import HALF, widened
from viz.adapters.onnx_runtime.windows import WindowRunner, run_node
from viz.core.patch_plan import PatchPlan, whole

Key = tuple[int, tuple[str, ...], float | None]


@dataclass
class WindowPlans:
    """The plans of one graph, kept.

    Args:
        file: the graph as read.
        image: its image input.
        sessions: knows whether the graph takes whole batches, and how it is run.
        tensors: what the file says about shapes and types.
        seen: what a run showed of them.
        macs: multiply-accumulates of the node that makes a tensor, for one image.
    """

    file: OnnxFile
    image: ImageInput
    sessions: Sessions
    tensors: Tensors
    seen: Survey
    macs: Mapping[str, int | None]
    _made: dict[Key, tuple[PatchPlan, WindowRunner | None]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, side: int, layers: Sequence[str], cap: float | None) -> tuple[PatchPlan, WindowRunner | None]:
        """The plan, and what carries it out where windows are worth it."""
        key = (side, tuple(dict.fromkeys(layers)), cap)
        with self._lock:
            if key not in self._made:
                self._made[key] = self._make(*key)
            return self._made[key]

    def _make(self, side: int, layers: tuple[str, ...], cap: float | None) -> tuple[PatchPlan, WindowRunner | None]:
        if not self.sessions.program(layers).whole_batches:
            return whole(side, "its graph takes images one by one"), None
        if TensorProto.BFLOAT16 in self.tensors.types.values() and not self._is_widened:
            return whole(side, "it computes in bfloat16, of which no windows can be handed over"), None
        plan, graphs = planned(self._facts, side, layers, cap)
        if graphs is None:
            return plan, None
        return plan, self.sessions.window_runner(plan, graphs, layers, self._is_widened)

    @property
    def _is_widened(self) -> bool:
        """Whether windows are computed in float32 where the file says half precision.

        On a CPU onnxruntime has no kernels for it: it computes in float32, and rounds only what leaves the
        graph. Windows that were rounded on their way would not be the same.
        """
        return self.sessions.arithmetic() == "float16" and self.sessions.on_cpu

    @cached_property
    def _facts(self) -> Facts:
        model, types = self._graph(), self.tensors.types
        if self._is_widened:
            types = {name: TensorProto.FLOAT if kind in HALF else kind for name, kind in types.items()}
        return Facts(
            model=model,
            image=self.image.name,
            layout=self.image.layout,
            shapes={**self.tensors.shapes, **self.seen.shapes},
            types=types,
            constants=Values(Constants(model.graph, self.file.path.absolute().parent), self.seen),
            macs=self.macs,
            try_node=lambda *given: run_node(self.file.opset, *given),
            batch=self.image.batch or 1,
            by_products=better_by_products(self.sessions),
        )

    def _graph(self) -> ModelProto:
        """The graph for any batch."""
        model = self.sessions.for_any_batch()
        if not self._is_widened:
            return model
        return widened(model, self.image.name, str(self.file.path.absolute().parent))


def better_by_products(sessions: Sessions) -> bool:
    """Whether kernels of one tap are faster as products of matrices.

    On a CPU onnxruntime's convolutions are about as fast, and windows then often give the very same bits.
    """
    return not sessions.on_cpu
