"""Computing once what follows from constants alone: weights that are transposed, cast or dequantized, and shapes."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import torch

from viz.adapters.onnx_torch.execution import compute
from viz.adapters.onnx_torch.gradient_path import Journal
from viz.adapters.onnx_torch.graph import Graph, needs
from viz.adapters.onnx_torch.memory_guard import MemoryGuard
from viz.adapters.onnx_torch.node import Node
from viz.core.errors import ModelError

# Dropout may draw other numbers in every run (random operators draw the same ones), control flow may take any time.
_NEVER = frozenset("Dropout If Loop Scan".split())
_SMALLEST_BUDGET = 1 << 28
_TIMES_THE_FILE = 8  # 4-bit weights dequantized to float32


def folded(graph: Graph, varying: Collection[str]) -> Graph:
    """The graph without the nodes that depend on constants only; their results are constants of the new one.

    Nodes keep running where their results would take too much memory, are random, or cannot be computed:
    whoever wants such a tensor gets the error then. Constants that nothing reads any more are left out.

    Args:
        graph: the main graph.
        varying: names that are given in each run, though the graph has a default for them.
    """
    budget = max(_SMALLEST_BUDGET, _TIMES_THE_FILE * sum(map(_bytes, graph.constants.values())))
    with torch.no_grad():
        return _Folder(budget).fold(graph, {}, varying)


class _Folder:
    """Folds a graph and those inside it; `budget` is how many bytes all results together may take."""

    def __init__(self, budget: int):
        self._budget = budget

    def fold(self, graph: Graph, outer: Mapping[str, Any], varying: Collection[str]) -> Graph:
        captured = {name: outer[name] for name in graph.free if name in outer}
        known = {name: value for name, value in {**captured, **graph.constants}.items() if name not in varying}
        live = []
        for node in graph.nodes:
            found = self._computed(node, known)
            if found is None:
                live.append(self._prepared(node, known))
            else:
                known |= found
        read = {name for node in live for name in needs(node)}.union(graph.outputs)
        used = {name: known[name] for name in known if name in read}
        defaults = {name: graph.constants[name] for name in graph.inputs if name in graph.constants}
        free = tuple(name for name in graph.free if name not in known)
        return replace(graph, nodes=tuple(live), constants=defaults | used, free=free)

    def _computed(self, node: Node, known: Mapping[str, Any]) -> dict[str, Any] | None:
        """The node's outputs; None where it has to stay."""
        if node.op in _NEVER or any(name not in known for name in needs(node)):
            return None
        try:
            with MemoryGuard(self._budget):
                found = compute(node, known, Journal())
        except ModelError:
            return None
        size = sum(map(_bytes, found.values()))
        if size > self._budget:
            return None
        self._budget -= size
        return found

    def _prepared(self, node: Node, known: Mapping[str, Any]) -> Node:
        """A node that stays, knowing which of its inputs are constants, and what is constant inside it."""
        graphs = {name: self.fold(inner, known, inner.inputs) for name, inner in node.graphs.items()}
        return replace(node, constant=tuple(name in known for name in node.inputs), graphs=graphs, cache={})


def _bytes(value: Any) -> int:
    """Memory of a value; views of another tensor take none of their own, but are counted as far as they reach."""
    if isinstance(value, list | tuple):
        return sum(map(_bytes, value))
    if isinstance(value, torch.Tensor):
        return min(value.nbytes, value.untyped_storage().nbytes())
    return int(getattr(value, "nbytes", 0))
