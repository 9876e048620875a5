"""If, Loop and Scan: the graphs inside them run as often as they say, with the autograd graph running through."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from viz.adapters.onnx_torch.gradient_path import Journal
from viz.adapters.onnx_torch.graph import Graph
from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import Unsupported

if TYPE_CHECKING:
    from viz.adapters.onnx_torch.execution import Plan


class Body:
    """A graph inside a node, with the values that it takes from outside: called with its inputs, gives its outputs."""

    def __init__(self, node: Node, graph: Graph, plan: "Plan", outer: Sequence[Any], journal: Journal):
        self.graph = graph
        self._node, self._plan, self._outer, self._journal = node, plan, outer, journal

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        """The graph's outputs. Raises `ModelError`, also where a loop seems never to end."""
        self._journal.count_iteration(self._node)
        return self._plan(self._journal, [*inputs, *self._outer])


Bodies = Mapping[str, Body]


def run_if(node: Node, bodies: Bodies, inputs: Sequence[Any]) -> tuple[Any, ...]:
    """The outputs of the branch that the condition chooses."""
    return tuple(bodies["then_branch" if bool(inputs[0]) else "else_branch"]([]))


def run_loop(node: Node, bodies: Bodies, inputs: Sequence[Any]) -> tuple[Any, ...]:
    """Values carried round a loop, then what its turns gave, stacked along a new first axis.

    It ends after `inputs[0]` turns (None: no limit), or when the condition that each turn gives is false.
    """
    body = bodies["body"]
    limit, condition, *carried = [*inputs, None, None][: max(2, len(inputs))]
    turns = None if limit is None else int(limit)
    going = condition is None or bool(condition)
    names = body.graph.outputs[1 + len(carried) :]
    collected: list[list[Any]] = [[] for _ in names]
    device = next((value.device for value in inputs if isinstance(value, Tensor)), None)
    turn = 0
    while going and (turns is None or turn < turns):
        again, *results = body([torch.tensor(turn, device=device), torch.tensor(going, device=device), *carried])
        going = bool(again)
        carried = results[: len(carried)]
        for values, value in zip(collected, results[len(carried) :], strict=True):
            values.append(value)
        turn += 1
    return (
        *carried,
        *(_stacked(values, body.graph, name, node) for values, name in zip(collected, names, strict=True)),
    )


def _stacked(values: Sequence[Any], graph: Graph, name: str, node: Node) -> Any:
    """One output of all turns; where there was no turn, an empty tensor of the type that the file states."""
    if values:
        return torch.stack(list(values)) if isinstance(values[0], Tensor) else np.stack(values)
    stated = graph.output_types[name].tensor_type
    sides = [dim.dim_value for dim in stated.shape.dim]
    return torch.zeros(0, *sides, dtype=node.types.dtype(stated.elem_type or 1))


def run_scan(node: Node, bodies: Bodies, inputs: Sequence[Any]) -> tuple[Any, ...]:
    """Values carried along the slices of the scanned inputs, then what each slice gave, stacked.

    Before version 9 the first axis of all inputs is the batch, and each of its entries is scanned by itself.
    """
    scanned = int(node.attributes["num_scan_inputs"])
    if node.version >= 9:
        return tuple(_scan(node, bodies["body"], inputs, scanned))
    lengths, *batched = inputs
    if lengths is not None and len(set(lengths.tolist())) > 1:
        raise Unsupported("Scan over sequences of different lengths")
    directions = {"scan_input_directions": node.attributes.get("directions", [])}
    each = [
        _scan(node, bodies["body"], [values[index] for values in batched], scanned, directions)
        for index in range(len(batched[0]))
    ]
    return tuple(torch.stack(list(outputs)) for outputs in zip(*each, strict=True))


def _scan(
    node: Node, body: Body, inputs: Sequence[Tensor], scanned: int, attributes: Mapping[str, Any] | None = None
) -> list[Tensor]:
    attributes = node.attributes if attributes is None else attributes
    carried, rows = list(inputs[: len(inputs) - scanned]), _slices(inputs[len(inputs) - scanned :], attributes)
    names = body.graph.outputs[len(carried) :]
    collected: list[list[Tensor]] = [[] for _ in names]
    for slices in rows:
        results = body([*carried, *slices])
        for values, value in zip(collected, results[len(carried) :], strict=True):
            values.append(value)
        carried = results[: len(carried)]
    stacked = [_stacked(values, body.graph, name, node) for values, name in zip(collected, names, strict=True)]
    return [*carried, *_arranged(stacked, attributes)]


def _slices(inputs: Sequence[Tensor], attributes: Mapping[str, Any]) -> list[tuple[Tensor, ...]]:
    """The scanned inputs cut along their axes, in the order in which they are scanned."""
    axes = attributes.get("scan_input_axes") or [0] * len(inputs)
    backwards = attributes.get("scan_input_directions") or [0] * len(inputs)
    cut = [
        tensor.unbind(axis)[:: -1 if back else 1] for tensor, axis, back in zip(inputs, axes, backwards, strict=True)
    ]
    return list(zip(*cut, strict=True))


def _arranged(outputs: Sequence[Tensor], attributes: Mapping[str, Any]) -> list[Tensor]:
    axes = attributes.get("scan_output_axes") or [0] * len(outputs)
    backwards = attributes.get("scan_output_directions") or [0] * len(outputs)
    turned = [tensor.flip(0) if back else tensor for tensor, back in zip(outputs, backwards, strict=True)]
    return [tensor.movedim(0, axis) for tensor, axis in zip(turned, axes, strict=True)]


CONTROL_FLOW: Mapping[tuple[str, str], Callable[[Node, Bodies, Sequence[Any]], tuple[Any, ...]]] = {
    ("", "If"): run_if,
    ("", "Loop"): run_loop,
    ("", "Scan"): run_scan,
}
