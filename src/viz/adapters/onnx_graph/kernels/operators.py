"""Operators that are weighted sums: where they keep their data, weights and bias, and how these are read."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np
import onnx

from viz.adapters.onnx_graph.kernels.facts import Array, Facts, attribute, input_name

Read = Callable[[onnx.NodeProto, Facts], tuple[Array, Array | None]]


@dataclass(frozen=True)
class Operator:
    """One kind of weighted sum.

    Attributes:
        read: gives weights (outputs, inputs / groups, rows, columns) and bias (outputs,), None for none.
        data, weights: places of these among the node's inputs.
        dense: its channels are the last axis, and it has no positions of its own.
        scale: place of scale and zero point of its data, where these are stored numbers.
        integer: it gives whole numbers, to be scaled by a product that follows.
    """

    read: Read
    data: int = 0
    weights: int = 1
    dense: bool = False
    scale: int | None = None
    integer: bool = False


def is_kernel(node: onnx.NodeProto, facts: Facts) -> bool:
    """Whether a node is a weighted sum over two-dimensional windows, or dense, whose weights are constant."""
    operator = OPERATORS.get(node.op_type)
    if operator is None or input_name(node, operator.data) not in facts.moving:
        return False
    weights = input_name(node, operator.weights)
    shape = facts.shapes.get(weights)
    if shape is None and (value := facts.constant(node, operator.weights)) is not None:
        shape = value.shape
    if not weights or weights in facts.moving or shape is None:
        return False
    if operator.dense:
        return len(shape) >= 2 and prod(n or 0 for n in shape[:-2]) == 1 and not attribute(node, "transA", 0)
    return len(shape) == 4


def channel_axis(node: onnx.NodeProto, rank: int) -> int:
    """The axis of the channels, of its data and of its result."""
    last = OPERATORS[node.op_type].dense or attribute(node, "channels_last", 0) or node.op_type.startswith("Nhwc")
    return rank - 1 if last else 1


def _weights(node: onnx.NodeProto, facts: Facts, place: int) -> Array:
    value = facts.constant(node, place)
    assert value is not None, "is_kernel has looked"
    return value.astype(np.float32)


def _bias(node: onnx.NodeProto, facts: Facts, place: int) -> Array | None:
    value = facts.constant(node, place)
    return None if value is None else value.reshape(-1).astype(np.float32)


def _convolution(node: onnx.NodeProto, facts: Facts) -> tuple[Array, Array | None]:
    return _weights(node, facts, 1), _bias(node, facts, 2)


def _transposed(node: onnx.NodeProto, facts: Facts) -> tuple[Array, Array | None]:
    """Stored as (inputs, outputs / groups, …); a tap says what an input adds to the output so far away from it."""
    groups = attribute(node, "group", 1)
    parts = np.split(_weights(node, facts, 1), groups)
    return np.concatenate([part.transpose(1, 0, 2, 3) for part in parts]), _bias(node, facts, 2)


def _dense(matrix: Array) -> Array:
    """(inputs, outputs) as a convolution of 1x1."""
    plain = matrix.reshape(matrix.shape[-2:])
    return np.ascontiguousarray(plain.T)[:, :, None, None]


def _product(node: onnx.NodeProto, facts: Facts) -> tuple[Array, Array | None]:
    matrix = _weights(node, facts, 1) * np.float32(attribute(node, "alpha", 1.0))
    turned = attribute(node, "transB", 0)
    return _dense(np.swapaxes(matrix, -1, -2) if turned else matrix), None


def _product_and_sum(node: onnx.NodeProto, facts: Facts) -> tuple[Array, Array | None]:
    weights, _ = _product(node, facts)
    bias = _bias(node, facts, 2)
    return weights, None if bias is None else bias * np.float32(attribute(node, "beta", 1.0))


def _numbers(node: onnx.NodeProto, facts: Facts, place: int, axis: int) -> Array:
    """Quantized weights at `place`, scale and zero point after them, as the numbers that they stand for."""
    stored = _weights(node, facts, place)
    return (stored - _spread(node, facts, place + 2, axis, stored.ndim)) * _spread(
        node, facts, place + 1, axis, stored.ndim
    )


def _spread(node: onnx.NodeProto, facts: Facts, place: int, axis: int, rank: int) -> Array:
    """One number, or one for each entry along `axis`, to be combined with a tensor of `rank`."""
    value = facts.constant(node, place)
    if value is None:
        return np.zeros((1,) * rank, np.float32)
    flat = value.reshape(-1).astype(np.float32)
    return flat.reshape([-1 if k == axis % rank else 1 for k in range(rank)])


def _quantized_bias(node: onnx.NodeProto, facts: Facts, place: int, data: int, weights: int) -> Array | None:
    """A bias in steps of the data's scale times the weights'."""
    stored, step = _bias(node, facts, place), facts.constant(node, data)
    scale = facts.constant(node, weights)
    if stored is None or step is None or scale is None:
        return None
    return (stored * step.reshape(-1) * scale.reshape(-1)).astype(np.float32)


def _quantized_convolution(node: onnx.NodeProto, facts: Facts) -> tuple[Array, Array | None]:
    return _numbers(node, facts, 3, 0), _quantized_bias(node, facts, 8, 1, 4)


def _quantized_product(node: onnx.NodeProto, facts: Facts) -> tuple[Array, Array | None]:
    return _dense(_numbers(node, facts, 3, -1)), None


def _quantized_sum(node: onnx.NodeProto, facts: Facts) -> tuple[Array, Array | None]:
    turned = attribute(node, "transB", 0)
    matrix = _numbers(node, facts, 3, 0 if turned else -1) * np.float32(attribute(node, "alpha", 1.0))
    return _dense(matrix.T if turned else matrix), _quantized_bias(node, facts, 6, 1, 4)


def _integer_convolution(node: onnx.NodeProto, facts: Facts) -> tuple[Array, Array | None]:
    return _weights(node, facts, 1) - _spread(node, facts, 3, 0, 4), None


def _integer_product(node: onnx.NodeProto, facts: Facts) -> tuple[Array, Array | None]:
    stored = _weights(node, facts, 1)
    return _dense(stored - _spread(node, facts, 3, -1, stored.ndim)), None


def _dynamic_product(node: onnx.NodeProto, facts: Facts) -> tuple[Array, Array | None]:
    """DynamicQuantizeMatMul: data, weights, their scale, their zero point, bias."""
    stored = _weights(node, facts, 1)
    numbers = (stored - _spread(node, facts, 3, -1, stored.ndim)) * _spread(node, facts, 2, -1, stored.ndim)
    return _dense(numbers), _bias(node, facts, 4)


OPERATORS: dict[str, Operator] = {
    **dict.fromkeys(("Conv", "FusedConv", "NhwcConv", "NhwcFusedConv"), Operator(_convolution)),
    "ConvTranspose": Operator(_transposed),
    **dict.fromkeys(("MatMul", "FusedMatMul"), Operator(_product, dense=True)),
    **dict.fromkeys(("Gemm", "FusedGemm"), Operator(_product_and_sum, dense=True)),
    "QLinearConv": Operator(_quantized_convolution, weights=3, scale=1),
    "QLinearMatMul": Operator(_quantized_product, weights=3, dense=True, scale=1),
    "QGemm": Operator(_quantized_sum, weights=3, dense=True, scale=1),
    "ConvInteger": Operator(_integer_convolution, integer=True),
    "MatMulInteger": Operator(_integer_product, dense=True, integer=True),
    "DynamicQuantizeMatMul": Operator(_dynamic_product, dense=True),
}
