"""Plans of how variants are computed by windows: made once per square, wanted tensors and cap."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from viz.adapters.onnx_graph.windows.facts import Facts
from viz.adapters.onnx_graph.windows.planning import planned
from viz.adapters.onnx_runtime.sessions import Sessions
from viz.adapters.onnx_runtime.windows import WindowRunner
from viz.core.patch_plan import PatchPlan, whole

Key = tuple[int, tuple[str, ...], float | None]


@dataclass
class WindowPlans:
    """The plans of one graph.

    Args:
        sessions: knows whether the graph takes whole batches, and how it is run.
        facts: what is known about the graph that takes any batch; asked for once, when a plan is made.
    """

    sessions: Sessions
    facts: Callable[[], Facts]

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._facts: Facts | None = None
        self._made: dict[Key, tuple[PatchPlan, WindowRunner | None]] = {}

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
        if self._facts is None:
            self._facts = self.facts()
        plan, graphs = planned(self._facts, side, layers, cap)
        return plan, None if graphs is None else self.sessions.window_runner(plan, graphs, layers)
