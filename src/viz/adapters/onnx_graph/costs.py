"""What a node of an ONNX graph costs: its own parameters, and its multiply-accumulates per image."""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import onnx
from numpy.typing import NDArray

Shape = tuple[int | None, ...]
Constants = Callable[[str], NDArray[Any] | None]

# Inputs that hold weights and biases. The running mean and variance of batch normalization are statistics.
WEIGHTS: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(["Conv", "ConvTranspose", "FusedConv", "NhwcConv", "NhwcFusedConv", "Attention"], (1, 2)),
    **dict.fromkeys(["BatchNormalization", "InstanceNormalization", "GroupNormalization"], (1, 2)),
    **dict.fromkeys(["LayerNormalization", "SimplifiedLayerNormalization"], (1, 2)),
    **dict.fromkeys(["ConvInteger", "PRelu", "RMSNormalization"], (1,)),
    **dict.fromkeys(["MatMul", "MatMulInteger", "FusedMatMul"], (0, 1)),
    **dict.fromkeys(["QLinearMatMul", "QLinearAdd", "QLinearMul"], (0, 3)),
    **dict.fromkeys(["LSTM", "GRU", "RNN"], (1, 2, 3)),
    "Gemm": (0, 1, 2),
    "QLinearConv": (3, 8),
    "QGemm": (0, 3, 6),
}
REAL = frozenset({onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE})
# The same numbers in another type or shape: they belong to the node that uses them.
HANDED_ON = frozenset("Cast DequantizeLinear Identity QuantizeLinear Reshape Squeeze Transpose Unsqueeze".split())
# Operators whose constant inputs are settings, however many numbers they hold.
SETTINGS = frozenset("Clip ConstantOfShape Expand OneHot Pad Range Resize Upsample".split())
# Operators that multiply in ways that have no formula here: their cost is not known, which is not 0.
NOT_COUNTED = frozenset(
    "Attention DeformConv Einsum FusedMatMul GRU LSTM MatMulNBits MultiHeadAttention QAttention QGemm RNN".split()
)
UNKNOWN: Shape = (None, None)  # so that neither the first length nor those after it are known


def parameters_of(graph: onnx.GraphProto, node: onnx.NodeProto) -> int:
    """Number of elements of a node's weights and biases. For many nodes of one graph use `parameter_counts`."""
    return _own_parameters(node, _stored_numbers(graph))


def parameter_counts(graph: onnx.GraphProto) -> list[int]:
    """`parameters_of` each node, in the graph's order; weights that nodes share count at each of them."""
    stored = _stored_numbers(graph)
    return [_own_parameters(node, stored) for node in graph.node]


def macs_of(node: onnx.NodeProto, shapes: Mapping[str, Shape], constants: Constants) -> int | None:
    """Multiply-accumulates for one image (shapes of batch 1); None where shapes or the cost are not known.

    Only matrix products and convolutions count, as in published figures: biases, activations and pooling
    are 0. Taps that fall on padding count like the others.
    """
    if node.op_type in NOT_COUNTED:
        return None

    def shape(position: int) -> Shape:
        name = node.input[position]
        value = constants(name) if name not in shapes else None
        return shapes.get(name, UNKNOWN) if value is None else value.shape

    return _macs(node, shape, shapes.get(node.output[0], UNKNOWN))


def _macs(node: onnx.NodeProto, shape: Callable[[int], Shape], output: Shape) -> int | None:
    match node.op_type:
        case "Conv" | "ConvInteger" | "FusedConv" | "NhwcConv" | "NhwcFusedConv":
            return _product(*output, *shape(1)[1:])
        case "QLinearConv":
            return _product(*output, *shape(3)[1:])
        case "ConvTranspose":
            return _product(*shape(0), *shape(1)[1:])
        case "MatMul" | "MatMulInteger" | "QLinearMatMul":
            return _product(*output, shape(0)[-1])
        case "Gemm":
            transposed = any(a.name == "transA" and a.i for a in node.attribute)
            return _product(*output, shape(0)[0 if transposed else -1])
    return 0


def _product(*lengths: int | None) -> int | None:
    known = [length for length in lengths if length is not None]
    return prod(known) if len(known) == len(lengths) else None


def _own_parameters(node: onnx.NodeProto, stored: Mapping[str, tuple[int, bool]]) -> int:
    if node.op_type in HANDED_ON or node.op_type in SETTINGS:
        return 0
    positions = WEIGHTS.get(node.op_type)
    if positions is not None:
        return sum(stored.get(node.input[i], (0, True))[0] for i in positions if i < len(node.input))
    # Any other operator: indices are no parameters, and a single number is a setting (the 6 of a hard swish).
    return sum(count for count, real in (stored.get(name, (0, True)) for name in node.input) if real and count > 1)


def _stored_numbers(graph: onnx.GraphProto) -> dict[str, tuple[int, bool]]:
    """How many numbers each stored tensor holds and whether they are real, also where a node hands them on."""
    stored = {tensor.name: _count(tensor) for tensor in graph.initializer}
    stored |= {sparse.values.name: (prod(sparse.dims), True) for sparse in graph.sparse_initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            stored[node.output[0]] = _constant(node)
        elif node.op_type in HANDED_ON and node.input[0] in stored:
            count, real = stored[node.input[0]]
            stored[node.output[0]] = count, real or node.op_type == "DequantizeLinear"
    return stored


def _constant(node: onnx.NodeProto) -> tuple[int, bool]:
    for attribute in node.attribute:
        if attribute.name == "value":
            return _count(attribute.t)
        if attribute.name == "sparse_value":
            return prod(attribute.sparse_tensor.dims), True
        if attribute.name in ("value_float", "value_floats"):
            return max(len(attribute.floats), 1), True
    return 0, False


def _count(tensor: onnx.TensorProto) -> tuple[int, bool]:
    return prod(tensor.dims), tensor.data_type in REAL
