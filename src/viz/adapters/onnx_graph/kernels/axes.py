"""Operators that move, drop or add axes: where the channels are afterwards."""

from collections.abc import Callable, Mapping

import onnx

from viz.adapters.onnx_graph.kernels.facts import Facts, attribute
from viz.adapters.onnx_graph.kernels.flow import Flow, own
from viz.adapters.reshaped_axis import reshaped_axis

MOVERS: dict[str, Callable[[onnx.NodeProto, Flow, Facts], Flow | None]] = {}


def _moves(*ops: str) -> Callable[[Callable[[onnx.NodeProto, Flow, Facts], Flow | None]], object]:
    return lambda rule: MOVERS.update(dict.fromkeys(ops, rule))


@_moves("Transpose")
def _transposed(node: onnx.NodeProto, flow: Flow, facts: Facts) -> Flow | None:
    rank = facts.rank(node.input[0])
    order = attribute(node, "perm") or (list(reversed(range(rank))) if rank is not None else [])
    return flow.along(list(order).index(flow.axis)) if flow.axis in order else None


@_moves("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def _reshaped(node: onnx.NodeProto, flow: Flow, facts: Facts) -> Flow | None:
    before, after = facts.shapes.get(node.input[0]), facts.shapes.get(node.output[0])
    return None if before is None or after is None else flow.along(reshaped_axis(before, flow.axis, after))


@_moves("ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceL1", "ReduceL2", "QLinearReduceMean")
def _reduced(node: onnx.NodeProto, flow: Flow, facts: Facts) -> Flow | None:
    """Over positions: a pooling. Over channels, or all axes: nothing is left of them."""
    rank, axes = facts.rank(node.input[0]), attribute(node, "axes")
    if axes is None and not node.op_type.startswith("QLinear") and (given := facts.constant(node, 1)) is not None:
        axes = given.reshape(-1).tolist()
    if rank is None or not axes:
        return None
    gone = {int(axis) % rank for axis in axes}
    if flow.axis in gone:
        return None
    lost = 0 if attribute(node, "keepdims", 1) else sum(axis < flow.axis for axis in gone)
    return flow.changed().along(flow.axis - lost)


@_moves("Pad")
def _padded(node: onnx.NodeProto, flow: Flow, facts: Facts) -> Flow | None:
    """What is put around the positions, as a convolution does by itself, leaves those inside as they are."""
    pads = pads_of(node, facts)
    if pads is None:
        return None
    if pads.get(flow.axis, (0, 0)) != (0, 0):
        return own(node.output[0], flow.axis)  # new channels beside the old ones
    return flow


def pads_of(node: onnx.NodeProto, facts: Facts) -> Mapping[int, tuple[int, int]] | None:
    """What a Pad adds before and after, by axis; None where that is not known."""
    given, rank = attribute(node, "pads", attribute(node, "paddings")), facts.rank(node.input[0])
    if given is None and (value := facts.constant(node, 1)) is not None:
        given = value.reshape(-1).tolist()
    if given is None or rank is None or len(given) % 2:
        return None
    axes = facts.constant(node, 3)
    named = range(rank) if axes is None else [int(axis) % rank for axis in axes.reshape(-1)]
    half = len(given) // 2
    return {axis: (int(given[k]), int(given[half + k])) for k, axis in enumerate(named)}
