"""Opening a baked-in batch axis: the same graph for any number of images, as far as rewriting can go.

Rewriting is a proposal, never trusted: the adapter runs three images together and one by one and
keeps it only where they agree (`onnx_runtime.py`).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from viz.adapters.onnx_graph.file import Constants
from viz.adapters.onnx_graph.image_input import ImageInput

BATCH = "viz_batch"
_COUNT = "viz_batch_count"

Shapes = Mapping[str, tuple[int | None, ...]]


def open_batch(model: onnx.ModelProto, image: ImageInput, constants: Constants, shapes: Shapes) -> onnx.ModelProto:
    """A copy of `model` whose image input takes any batch, with constants that held the old one replaced."""
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    graph = opened.graph
    _free_first_axis(graph, image)
    nodes = [_rewritten(node, image, constants, shapes, graph) for node in graph.node]
    del graph.node[:]
    graph.node.extend([*_count_nodes(image, graph), *(new for group in nodes for new in group)])
    return opened


def _free_first_axis(graph: onnx.GraphProto, image: ImageInput) -> None:
    """Declare the batch symbolic at the input; forget every other stated shape, which may repeat it."""
    for value in graph.input:
        if value.name == image.name:
            value.type.tensor_type.shape.dim[0].dim_param = BATCH
    del graph.value_info[:]
    for value in graph.output:
        value.type.tensor_type.ClearField("shape")


def _count_nodes(image: ImageInput, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """`viz_batch_count` (1,): how many images came in, read off the input at run time."""
    zero = numpy_helper.from_array(np.array([0], np.int64), f"{_COUNT}_axis")
    graph.initializer.append(zero)
    return [
        helper.make_node("Shape", [image.name], [f"{_COUNT}_shape"]),
        helper.make_node("Gather", [f"{_COUNT}_shape", zero.name], [_COUNT], axis=0),
    ]


def _rewritten(
    node: onnx.NodeProto, image: ImageInput, constants: Constants, shapes: Shapes, graph: onnx.GraphProto
) -> list[onnx.NodeProto]:
    """The node, led by those that compute its shape where that shape held the old batch."""
    position = {"Reshape": 1, "Expand": 1, "Resize": 3, "ConstantOfShape": 0}.get(node.op_type)
    if node.op_type == "Concat":
        return _concat(node, image, constants, shapes, graph)
    if position is None or position >= len(node.input) or not node.input[position]:
        return [node]
    target = constants(node.input[position])
    if target is None or target.ndim != 1 or len(target) == 0 or target[0] != (image.batch or 1):
        return [node]
    lead, shape = _with_count(node, target[1:], graph)
    return [*lead, _with_input(node, position, shape)]


def _with_count(node: onnx.NodeProto, rest: Any, graph: onnx.GraphProto) -> tuple[list[onnx.NodeProto], str]:
    """Nodes that compute [batch, *rest], and the name of what they give."""
    name = f"viz_shape_of_{node.output[0]}"
    tail = numpy_helper.from_array(np.asarray(rest, np.int64), f"{name}_rest")
    graph.initializer.append(tail)
    return [helper.make_node("Concat", [_COUNT, tail.name], [name], axis=0)], name


def _with_input(node: onnx.NodeProto, position: int, name: str) -> onnx.NodeProto:
    changed = onnx.NodeProto()
    changed.CopyFrom(node)
    changed.input[position] = name
    return changed


def _concat(
    node: onnx.NodeProto, image: ImageInput, constants: Constants, shapes: Shapes, graph: onnx.GraphProto
) -> list[onnx.NodeProto]:
    """A constant joined to per-image values (a transformer's class token) is repeated for every image."""
    axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
    fixed = [i for i, name in enumerate(node.input) if name in constants]
    ranks = [len(shapes.get(name, ())) for name in node.input]
    if axis == 0 or not fixed or len(fixed) == len(node.input) or max(ranks) < 3:
        return [node]
    lead: list[onnx.NodeProto] = []
    changed = onnx.NodeProto()
    changed.CopyFrom(node)
    for i in fixed:
        value = constants(node.input[i])
        if value is not None and value.ndim and value.shape[0] == (image.batch or 1):
            lead += _repeated(changed, i, value.shape, graph)
    return [*lead, changed]


def _repeated(node: onnx.NodeProto, i: int, shape: tuple[int, ...], graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    name = f"viz_repeated_{i}_of_{node.output[0]}"
    ones = numpy_helper.from_array(np.ones(len(shape) - 1, np.int64), f"{name}_ones")
    graph.initializer.append(ones)
    lead = [
        helper.make_node("Concat", [_COUNT, ones.name], [f"{name}_shape"], axis=0),
        helper.make_node("Expand", [node.input[i], f"{name}_shape"], [name]),
    ]
    node.input[i] = name
    return lead
