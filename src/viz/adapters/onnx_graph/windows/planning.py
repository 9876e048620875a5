"""Whether windows are worth it, and the plan that says so."""

from collections.abc import Sequence

from viz.adapters.onnx_graph.windows.facts import Facts
from viz.adapters.onnx_graph.windows.graphs import WindowGraphs, window_graphs
from viz.adapters.onnx_graph.windows.windowed import Whole
from viz.core.patch_plan import PatchPlan, whole

# A smaller expected gain is not sure to be one (docs/decisions/0014).
LEAST_GAIN = 1.15


def planned(
    facts: Facts, side: int, wanted: Sequence[str], cap: float | None = None
) -> tuple[PatchPlan, WindowGraphs | None]:
    """The plan for squares of `side` pixels and the values of `wanted`, with its graphs where windows are worth it."""
    try:
        graphs = window_graphs(facts, side, wanted, cap)
    except Whole as obstacle:
        return whole(side, str(obstacle)), None
    plan = PatchPlan(side, "", graphs.layers, cap, round(graphs.gain, 3))
    if graphs.gain >= LEAST_GAIN:
        return plan, graphs
    cause = f"; from {graphs.first_whole}" if graphs.first_whole else ""
    needed = f"a patch of {side} pixels needs {plan.share:.0%} of the multiply-accumulates"
    reason = f"{needed}, and to gather its surroundings costs more than is spared{cause}"
    return whole(side, reason, graphs.layers), None
