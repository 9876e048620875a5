"""Whose channels an operator's result has, from whose channels its inputs have."""

from collections.abc import Callable, Mapping

import numpy as np
import onnx

from viz.adapters.onnx_graph.kernels.axes import MOVERS
from viz.adapters.onnx_graph.kernels.facts import Array, Facts, attribute, input_name
from viz.adapters.onnx_graph.kernels.flow import IMAGE, Flow, own

Flows = Mapping[str, Flow]

_SAME = frozenset("Identity Dropout Cast DynamicQuantizeLinear".split())
_CHANGED = frozenset(
    "Relu LeakyRelu PRelu Elu Selu Celu ThresholdedRelu Sigmoid HardSigmoid HardSwish Tanh Softplus Softsign Erf Gelu "
    "FastGelu QuickGelu BiasGelu Mish Swish Clip Abs Sqrt Exp Log Pow Neg Reciprocal Softmax LogSoftmax Hardmax "
    "InstanceNormalization GroupNormalization GroupNorm LayerNormalization SimplifiedLayerNormalization "
    "RMSNormalization LpNormalization LRN MeanVarianceNormalization "
    "MaxPool AveragePool LpPool GlobalMaxPool GlobalAveragePool GlobalLpPool NhwcMaxPool Resize Upsample "
    "QLinearAveragePool QLinearGlobalAveragePool QLinearLeakyRelu QLinearSigmoid QLinearSoftmax".split()
)
_ARITHMETIC = frozenset("Add Sub Mul Div".split())
# What joins or parts tensors has channels of its own, along the axis that theirs lie along.
_JOINING = frozenset(
    "Add Sub Mul Div Sum Max Min Mean Where Concat Split Slice QLinearAdd QLinearMul QLinearConcat "
    "SkipLayerNormalization".split()
)


def passed(node: onnx.NodeProto, flows: Flows, facts: Facts) -> dict[str, Flow]:
    """Flows of the node's results, where they are known."""
    if node.op_type == "Split":
        return {name: flow for name in node.output if (flow := _joined(node, name, flows, facts))}
    found = _first_result(node, flows, facts)
    return {} if found is None else {node.output[0]: found}


def _first_result(node: onnx.NodeProto, flows: Flows, facts: Facts) -> Flow | None:
    flow = flows.get(input_name(node, 0))
    if node.op_type in _SAME:
        return flow
    if node.op_type in _CHANGED:
        return flow.changed() if flow else None
    if flow is not None and node.op_type in MOVERS:
        return MOVERS[node.op_type](node, flow, facts)
    if flow is not None and node.op_type in _SCALING:
        return _SCALING[node.op_type](node, flow, facts)
    if node.op_type in _ARITHMETIC:
        found = _with_constant(node, flows, facts) or _in_place(node, flows, facts)
        return found or _joined(node, node.output[0], flows, facts)
    return _joined(node, node.output[0], flows, facts) if node.op_type in _JOINING else None


def _with_constant(node: onnx.NodeProto, flows: Flows, facts: Facts) -> Flow | None:
    """A tensor and a constant: each channel scaled and shifted, or, where the constant has positions, changed."""
    place = next((place for place in (0, 1) if input_name(node, place) in flows), None)
    if place is None or node.input[1 - place] in facts.moving:
        return None
    flow = flows[node.input[place]]
    value = facts.per_channel(node, 1 - place, flow.axis, facts.rank(node.input[place]))
    constant = facts.constant(node, 1 - place)
    if value is None:
        rank = facts.rank(node.input[place])
        return flow.changed() if constant is not None and rank is not None and constant.ndim <= rank else None
    none, one = np.zeros(1), np.ones(1)
    if node.op_type == "Div" and place == 1:
        return flow.changed()
    sign = -one if node.op_type == "Sub" and place == 1 else one
    return {
        "Add": lambda: flow.scaled(one, value),
        "Sub": lambda: flow.scaled(sign, value * -sign),
        "Mul": lambda: flow.scaled(value, none),
        "Div": lambda: flow.scaled(1 / value, none),
    }[node.op_type]()


def _in_place(node: onnx.NodeProto, flows: Flows, facts: Facts) -> Flow | None:
    """Two tensors with the channels of one (x * sigmoid(x)), or the second without channels (x - mean(x))."""
    for place in (0, 1):
        flow, other = flows.get(input_name(node, place)), flows.get(input_name(node, 1 - place))
        if flow is None:
            continue
        if other is not None and other.origin == flow.origin and other.axis == flow.axis:
            return flow.changed()
        if other is None and _has_no_channels(node, place, flow, facts):
            return flow.changed()
    return None


def _has_no_channels(node: onnx.NodeProto, place: int, flow: Flow, facts: Facts) -> bool:
    """Whether the other input is the same for all channels of this one."""
    shape, rank = facts.shapes.get(input_name(node, 1 - place)), facts.rank(node.input[place])
    if shape is None or rank is None or len(shape) > rank:
        return False
    return ((1,) * (rank - len(shape)) + tuple(shape))[flow.axis] == 1


def _joined(node: onnx.NodeProto, name: str, flows: Flows, facts: Facts) -> Flow | None:
    inputs = facts.moving_inputs(node)
    found = [flows.get(one) for one in inputs]
    axes = {flow.axis for flow in found if flow}
    ranks = {facts.rank(one) for one in [*inputs, name]}
    return own(name, axes.pop()) if None not in found and len(axes) == 1 and len(ranks) == 1 else None


def _normalized(node: onnx.NodeProto, flow: Flow, facts: Facts) -> Flow:
    """BatchNormalization with fixed statistics."""
    parts = [facts.constant(node, place) for place in (1, 2, 3, 4)]
    if flow.axis != 1 or attribute(node, "training_mode", 0) or any(part is None for part in parts):
        return flow.changed()
    gamma, beta, mean, variance = (part.astype(np.float64) for part in parts if part is not None)
    scale = gamma / np.sqrt(variance + attribute(node, "epsilon", 1e-5))
    return flow.scaled(scale, beta - mean * scale)


def _quantized(node: onnx.NodeProto, flow: Flow, facts: Facts) -> Flow:
    step, zero = step_and_zero(node, 1, flow, facts)
    return flow.changed() if step is None else flow.scaled(1 / step, zero)


def _dequantized(node: onnx.NodeProto, flow: Flow, facts: Facts) -> Flow:
    if input_name(node, 1) in facts.moving:  # by DynamicQuantizeLinear, whose flow is that of the numbers themselves
        return flow
    step, zero = step_and_zero(node, 1, flow, facts)
    return flow.changed() if step is None else flow.scaled(step, -zero * step)


def step_and_zero(node: onnx.NodeProto, place: int, flow: Flow, facts: Facts) -> tuple[Array | None, Array]:
    """Scale and zero point, per channel or for all, at inputs `place` and `place + 1`; None where not known."""
    step, zero = facts.constant(node, place), facts.constant(node, place + 1)
    rank = facts.rank(node.input[0])
    along = rank is not None and attribute(node, "axis", 1) % rank == flow.axis
    if step is None or (step.size > 1 and not (along and step.ndim == 1)):
        return None, np.zeros(1)
    offset = np.zeros(1) if zero is None else zero.reshape(-1).astype(np.float64)
    return step.reshape(-1).astype(np.float64), offset


def _gathered(node: onnx.NodeProto, flow: Flow, facts: Facts) -> Flow | None:
    """Colours of the image in another order; of a layer, other channels."""
    order, rank = facts.constant(node, 1), facts.rank(node.input[0])
    if order is None or order.ndim != 1 or rank is None:
        return None
    if attribute(node, "axis", 0) % rank != flow.axis or flow.origin != IMAGE:
        return own(node.output[0], flow.axis)
    if flow.weights is None or flow.offset is None:
        return flow
    return Flow(IMAGE, flow.axis, flow.weights[order], flow.offset[order])


_SCALING: dict[str, Callable[[onnx.NodeProto, Flow, Facts], Flow | None]] = {
    "BatchNormalization": _normalized,
    "QuantizeLinear": _quantized,
    "DequantizeLinear": _dequantized,
    "Gather": _gathered,
}
