"""Operators position by position, along whole axes, and products: right at any size, with few exceptions."""

from math import prod

import numpy as np

from viz.adapters.onnx_graph.other_size.step import Step
from viz.adapters.onnx_graph.other_size.table import holds
from viz.adapters.onnx_graph.receptive_field.combining import BROADCAST, REDUCTIONS, UNARY

_SUMS = frozenset({"ReduceSum", "ReduceSumSquare", "ReduceL1"})


@holds(*UNARY, *BROADCAST, "BatchNormalization", "Expand", "Trilu")
def position_by_position(step: Step) -> str:
    """What grows must grow alike in all operands: an axis of 1 that stays 1 by chance is spread otherwise."""
    given = step.given()[::-1]
    for name in step.inputs():
        for mine, result in zip(step.lengths(name)[::-1], given, strict=False):
            if mine[0] != mine[1] and mine != result:
                return "combines with values whose size is written into the file"
    return ""


@holds(
    "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", "QLinearGlobalAveragePool", "QLinearReduceMean",
    "InstanceNormalization", "GroupNormalization", "LayerNormalization", "RMSNormalization", "LpNormalization",
    "SimplifiedLayerNormalization", "MeanVarianceNormalization", "LRN", "DynamicQuantizeLinear", "CumSum",
)  # fmt: skip
def along_whole_axes(step: Step) -> str:
    """They go by the actual size."""
    return ""


@holds("MatMul", "MatMulInteger", "QLinearMatMul", "FusedMatMul", "Gemm", "Einsum", "Attention", "MultiHeadAttention")
def products(step: Step) -> str:
    """Weights have a size of their own, which the runtime holds against that of the image's values."""
    return ""


@holds(*REDUCTIONS)
def reducing(step: Step) -> str:
    """A sum over positions that is divided by their number must not find that number in the file."""
    if step.node.op_type not in _SUMS:
        return ""
    before, after = (prod(pair[0] for pair in lengths) for lengths in (step.read(), step.given()))
    count = before // max(after, 1)
    for user in step.users:
        for name in user.input if user.op_type in ("Mul", "Div") else ():
            constant = step.own.values(name) if name not in step.moving else None
            if constant is not None and np.size(constant) == 1 and _is_count(float(np.ravel(constant)[0]), count):
                return "is a sum that the file divides by the number of positions at its own size"
    return ""


def _is_count(value: float, count: int) -> bool:
    return any(abs(found - 1) < 1e-3 for found in (value * count, value / count))


@holds("Softmax", "LogSoftmax", "Hardmax", "QLinearSoftmax")
def softmax(step: Step) -> str:
    """Before opset 13 it is over all axes from one on, so that positions come in among the classes."""
    opset = int(step.attribute("opset", step.opset))  # the quantized operator carries its own
    if opset >= 13:
        return ""
    block = [pair for pair in step.read()[step.axis(1) :] if max(pair) > 1]
    return "is taken over classes and positions together" if len(block) > 1 and any(a != b for a, b in block) else ""


@holds("ArgMax", "ArgMin", "TopK")
def along_a_fixed_axis(step: Step) -> str:
    """A place along an axis that grows is another place."""
    default = -1 if step.node.op_type == "TopK" else 0
    return "picks places along an axis that grows" if step.axis(default) in step.changed(step.inputs()[0]) else ""
