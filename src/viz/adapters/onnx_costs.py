"""What a node of an ONNX graph costs: its own parameters, and its multiply-accumulates per image."""

from collections.abc import Callable, Iterator, Mapping
from math import prod
from typing import Any

import onnx
from numpy.typing import NDArray

Shape = tuple[int | None, ...]
Constants = Callable[[str], NDArray[Any] | None]

# Inputs that hold weights and biases. The running mean and variance of batch normalization are statistics.
WEIGHTS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(["Conv", "ConvTranspose", "FusedConv", "NhwcConv", "NhwcFusedConv"], (1, 2)),
    **dict.fromkeys(["BatchNormalization", "InstanceNormalization", "GroupNormalization"], (1, 2)),
    **dict.fromkeys(["LayerNormalization", "SimplifiedLayerNormalization", "Attention"], (1, 2)),
    **dict.fromkeys(["ConvInteger", "PRelu", "RMSNormalization"], (1,)),
    **dict.fromkeys(["MatMul", "MatMulInteger", "FusedMatMul"], (0, 1)),
    **dict.fromkeys(["LSTM", "GRU", "RNN"], (1, 2, 3)),
    "Gemm": (0, 1, 2),
    "QLinearConv": (3, 8),
    "QLinearMatMul": (0, 3),
    "QGemm": (0, 3, 6),
}
# The same numbers in another type or shape: they belong to the node that uses them.
HANDED_ON = frozenset("Cast DequantizeLinear Identity QuantizeLinear Reshape Squeeze Transpose Unsqueeze".split())
# Operators whose constant inputs are settings.
SETTINGS = frozenset("Clip Expand OneHot Pad Range Resize Upsample ConstantOfShape".split())
FLOATS = frozenset(
    getattr(onnx.TensorProto, name) for name in ("FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE")
)  # what an operator outside the tables may hold as weights; integers are indices
SPARE_OF_FORMULA = frozenset("Attention Einsum FusedMatMul GRU LSTM MatMulNBits MultiHeadAttention QAttention RNN".split())


def parameters_of(graph: onnx.GraphProto, node: onnx.NodeProto) -> int:
    """Number of elements of a node's weights and biases; for all nodes at once use `parameter_counts`."""
    return _own_parameters(node, _Stored(graph))


def parameter_counts(graph: onnx.GraphProto) -> list[int]:
    """`parameters_of` every node, in the graph's order. Shared weights count at each node that uses them."""
    stored = _Stored(graph)
    return [_own_parameters(node, stored) for node in graph.node]
