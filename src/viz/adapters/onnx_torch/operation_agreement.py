"""Is every operation right? Each node computed from the runtime's own values, so that differences do not add up."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from viz.adapters.onnx_torch.execution import compute
from viz.adapters.onnx_torch.gradient_path import Journal
from viz.adapters.onnx_torch.graph import Graph, needs
from viz.adapters.onnx_torch.node import Node
from viz.core.agreement import difference
from viz.core.errors import ModelError
from viz.core.result import FloatArray

_STEPPED = (torch.uint8, torch.int8)


def operation_differences(
    graph: Graph, feeds: Mapping[str, Any], theirs: Mapping[str, FloatArray], device: torch.device
) -> Iterator[tuple[str, float]]:
    """For each tensor of `theirs`, in the order of execution, how far its node alone is from it; see `difference`.

    A network that rounds between its layers cannot be compared from end to end: where a sum lies between two
    steps, rounding goes one way here and the other there, and a few layers later whole regions differ (as
    onnxruntime does from itself when it fuses nodes). Here every node takes what the runtime gave it. One step of
    an 8-bit tensor counts as rounding. Nodes that cannot be computed are passed over.
    """
    known: dict[str, Any] = {**graph.constants, **feeds}
    for node in graph.nodes:
        for name, value in _computed(node, known).items():
            known[name] = value
            if name in theirs and isinstance(value, Tensor):
                yield name, _difference(value, theirs[name])
        shown = {name: theirs[name] for name in node.outputs if name in theirs}
        known |= {name: _as_here(value, known.get(name), device) for name, value in shown.items()}


def _computed(node: Node, known: Mapping[str, Any]) -> dict[str, Any]:
    if any(name not in known for name in needs(node)):
        return {}
    try:
        return compute(node, known, Journal())
    except ModelError:
        return {}


def _as_here(value: FloatArray, ours: Any, device: torch.device) -> Tensor:
    """The runtime's value in the type that this node gives, where it gave one."""
    found = torch.from_numpy(np.array(value)).to(device)
    return found.to(ours.dtype) if isinstance(ours, Tensor) else found


def _difference(ours: Tensor, theirs: FloatArray) -> float:
    values = ours.detach().cpu()
    if values.dtype not in _STEPPED or values.shape != theirs.shape:
        return difference(values.float().numpy(), theirs)
    gap = values.float().numpy() - theirs
    return difference(theirs + np.sign(gap) * np.maximum(np.abs(gap) - 1, 0), theirs)
