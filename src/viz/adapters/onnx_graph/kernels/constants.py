"""Constant tensors of a graph: those that the file stores, and those that nodes make of them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray

from viz.adapters.onnx_graph.file import Constants
from viz.adapters.onnx_graph.kernels.facts import Facts
from viz.adapters.onnx_graph.layers import image_dependent

Run = Callable[[Sequence[str]], Mapping[str, NDArray[Any]]]
Shapes = Mapping[str, tuple[int | None, ...]]


def facts_of(graph: onnx.GraphProto, image: str, folder: Path, shapes: Shapes, run: Run) -> Facts:
    """What kernels are found by; `run` gives any tensors of the graph, and is asked for constant ones only."""
    moving = {image, *image_dependent(graph, image)}
    return Facts(_Values(graph, folder, moving, run), shapes, moving)


class _Values:
    """Values of tensors that do not follow from the image; all those that nodes make come from one run."""

    def __init__(self, graph: onnx.GraphProto, folder: Path, moving: set[str], run: Run):
        self._stored, self._run = Constants(graph, folder), run
        made = {name for node in graph.node for name in node.output if name} - moving
        users = [node for node in graph.node if moving.intersection(node.output)]
        # Weights behind Identity, Transpose, DequantizeLinear…: what the nodes that see the image use.
        self._wanted = sorted({n for node in users for n in node.input if n in made and n not in self._stored})
        self._made: Mapping[str, NDArray[Any]] | None = None

    def __call__(self, name: str) -> NDArray[Any] | None:
        if name in self._stored:
            return self._stored(name)
        if name not in self._wanted:
            return None
        if self._made is None:
            self._made = self._run(self._wanted)
        return self._made[name]
