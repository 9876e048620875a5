"""Any inner tensor of an ONNX graph as an output, in a type that numpy knows."""

from collections.abc import Mapping

import onnx
from onnx import TensorProto, helper

from viz.adapters.onnx_graph.image_input import ImageInput


def with_float_ends(model: onnx.ModelProto, image: ImageInput, outputs: Mapping[str, int]) -> dict[str, str]:
    """Make `outputs` (name -> element type) the model's outputs, in place; bfloat16 goes through float32.

    numpy has no bfloat16, so such an input and such outputs get a Cast. Returns for every wanted
    tensor the name of the output that carries it.
    """
    graph = model.graph
    if image.elem_type == TensorProto.BFLOAT16:
        _cast_input(graph, image.name)
    carried = {}
    del graph.output[:]
    for name, elem_type in outputs.items():
        carried[name] = name
        if elem_type == TensorProto.BFLOAT16:
            carried[name] = f"viz_float_{name}"
            graph.node.append(helper.make_node("Cast", [name], [carried[name]], to=TensorProto.FLOAT))
            elem_type = TensorProto.FLOAT  # noqa: PLW2901  # the type of what is now carried
        graph.output.append(_untyped_shape(carried[name], elem_type))
    return carried


def _untyped_shape(name: str, elem_type: int) -> onnx.ValueInfoProto:
    value = onnx.ValueInfoProto(name=name)
    if elem_type:
        value.type.tensor_type.elem_type = elem_type
    return value


def _cast_input(graph: onnx.GraphProto, name: str) -> None:
    """The image comes in as float32 under the same name; the graph goes on with its own type."""
    inner = f"viz_native_{name}"
    for node in graph.node:
        for i, used in enumerate(node.input):
            if used == name:
                node.input[i] = inner
    for value in graph.input:
        if value.name == name:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    nodes = [helper.make_node("Cast", [name], [inner], to=TensorProto.BFLOAT16), *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
