"""An ONNX model in float32 throughout: half precision widened, a whole-number image input taken as floats.

Rounding hides small changes of a pixel. With the same weights in float32, differences can be taken.
"""

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, numpy_helper

HALF = (TensorProto.FLOAT16, TensorProto.BFLOAT16)


def widened(model: onnx.ModelProto, image_input: str, folder: str) -> onnx.ModelProto:
    """A copy of `model` with every half-precision tensor, cast and declaration in float32.

    The image input becomes float32 whatever it was; a graph that begins by casting whole numbers runs on
    with floats. `folder` holds external data.
    """
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    _widen_graph(wide.graph, folder)
    for value in wide.graph.input:
        if value.name == image_input:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    return wide


def _widen_graph(graph: onnx.GraphProto, folder: str) -> None:
    _widen_tensors(graph.initializer, folder)
    for value in [*graph.input, *graph.output, *graph.value_info]:
        if value.type.tensor_type.elem_type in HALF:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    for node in graph.node:
        for attribute in node.attribute:
            _widen_attribute(node, attribute, folder)


def _widen_attribute(node: onnx.NodeProto, attribute: AttributeProto, folder: str) -> None:
    if attribute.type == AttributeProto.TENSOR:
        _widen_tensors([attribute.t], folder)
    elif attribute.type == AttributeProto.GRAPH:
        _widen_graph(attribute.g, folder)
    elif node.op_type in ("Cast", "RandomNormal", "RandomUniform", "EyeLike") and attribute.i in HALF:
        attribute.i = TensorProto.FLOAT


def _widen_tensors(tensors: Iterable[TensorProto], folder: str) -> None:
    for tensor in tensors:
        if tensor.data_type in HALF:
            values = numpy_helper.to_array(tensor, folder).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
