"""Which stored number means zero in a quantized tensor: its zero point, as the operator that makes it states it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

# Place of the zero point of the result among an operator's inputs.
_STATED = {
    "QuantizeLinear": 2,
    "QLinearConv": 7,
    "QLinearMatMul": 7,
    "QLinearAdd": 7,
    "QLinearMul": 7,
    "QLinearAveragePool": 4,
    "QLinearGlobalAveragePool": 4,
    "QLinearReduceMean": 4,
    "QLinearLeakyRelu": 4,
    "QLinearSigmoid": 4,
    "QLinearSoftmax": 4,
    "QLinearConcat": 1,
    "QGemm": 8,
}
# What only moves or picks values leaves their meaning as it is.
_PASSED_ON = frozenset(
    "MaxPool NhwcMaxPool Transpose Reshape Flatten Squeeze Unsqueeze Slice Split Concat Gather Identity Pad Resize "
    "DepthToSpace SpaceToDepth Relu Clip".split()
)


def zeros(graph: onnx.GraphProto, values: Callable[[str], NDArray[Any] | None]) -> dict[str, float]:
    """Zero points by tensor name, where they are not 0; `values` gives the tensors that are constant.

    Zero points that differ from channel to channel, which no activation in use has, are left out.
    """
    found: dict[str, float] = {}
    for node in graph.node:
        if node.op_type in _STATED:
            place = _STATED[node.op_type]
            point = values(node.input[place]) if place < len(node.input) else None
            if point is not None and np.size(point) == 1 and np.ravel(point)[0] != 0:
                found[node.output[0]] = float(np.ravel(point)[0])
        elif node.op_type in _PASSED_ON and node.input[0] in found:
            found.update((name, found[node.input[0]]) for name in node.output if name)
    return found
