"""Parts of an ONNX graph: from an inner tensor on, which becomes an input, or up to inner tensors."""

from collections.abc import Collection, Sequence
from typing import Any

import onnx
from onnx import helper

from viz.adapters.onnx_graph.layers import image_dependent
from viz.adapters.onnx_graph.walking import all_nodes
from viz.core.errors import NotSupported

GIVEN = "viz_given"


def cut_at(model: onnx.ModelProto, layer: str, elem_type: int, wanted: Sequence[str], image: str) -> onnx.ModelProto:
    """A copy of `model` in which `layer` is the input `viz_given`, with what the tensors `wanted` need from there on.

    The image stays an input only where its shape is asked for. Raises `NotSupported` where a wanted tensor
    does not follow from `layer`, or where the image's values come to it by another way too.
    """
    rest = onnx.ModelProto()
    rest.CopyFrom(model)
    graph = rest.graph
    for node in all_nodes(graph.node):
        for i, name in enumerate(node.input):
            if name == layer:
                node.input[i] = GIVEN
    needed = needed_for(graph, wanted)
    _check(graph, needed, layer, wanted, image)
    _keep(graph, needed)
    graph.input.append(helper.make_tensor_value_info(GIVEN, elem_type, None))
    return rest


def up_to(model: onnx.ModelProto, wanted: Sequence[str]) -> onnx.ModelProto:
    """A copy of what the tensors `wanted` need of `model`: no outputs, and no shapes of inner tensors."""
    part = onnx.ModelProto()
    for field, value in model.ListFields():
        if field.name != "graph":
            _set(part, field.name, value)
    graph, needed = part.graph, needed_for(model.graph, wanted)
    graph.name = model.graph.name
    graph.node.extend(node for node in model.graph.node if needed.intersection(node.output))
    graph.initializer.extend(tensor for tensor in model.graph.initializer if tensor.name in needed)
    sparse = (tensor for tensor in model.graph.sparse_initializer if tensor.values.name in needed)
    graph.sparse_initializer.extend(sparse)
    graph.input.extend(value for value in model.graph.input if value.name in needed)
    return part


def _set(message: Any, name: str, value: Any) -> None:
    """Copy one field of a protobuf message, a plain value or a list."""
    if hasattr(value, "extend"):
        getattr(message, name).extend(value)
    else:
        setattr(message, name, value)


def _check(graph: onnx.GraphProto, needed: Collection[str], layer: str, wanted: Sequence[str], image: str) -> None:
    from_given, from_image = set(image_dependent(graph, GIVEN)), {image, *image_dependent(graph, image)}
    for name in wanted:
        if name not in from_given:
            raise NotSupported(f"{name!r} does not follow from {layer!r}", "choose an earlier layer")
    around = [
        name
        for node in graph.node
        if from_image.intersection(node.output) and from_given.intersection(node.output)
        for name in node.input
        if name in from_image and name not in from_given and name in needed
    ]
    if around:
        raise NotSupported(
            f"{layer!r} does not hold all that {wanted[0]!r} follows from: {around[0]!r} goes around it",
            "choose a layer that everything goes through, such as the end of a block",
        )


def needed_for(graph: onnx.GraphProto, wanted: Sequence[str]) -> set[str]:
    """Names of all tensors that `wanted` are computed from, themselves included."""
    needed = set(wanted)
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(name for inner in all_nodes([node]) for name in inner.input)
    return needed


def _keep(graph: onnx.GraphProto, needed: Collection[str]) -> None:
    """Leave out nodes, weights and inputs that nothing needs, and stated shapes, which may repeat the old batch."""
    nodes = [node for node in graph.node if any(name in needed for name in node.output)]
    weights = [tensor for tensor in graph.initializer if tensor.name in needed]
    inputs = [value for value in graph.input if value.name in needed]
    for field, kept in ((graph.node, nodes), (graph.initializer, weights), (graph.input, inputs)):
        del field[:]
        field.extend(kept)
    del graph.value_info[:]
