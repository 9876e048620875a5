"""Graphs of nodes in a row, written down in one line, and the receptive field of the last tensor."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

from viz.adapters.onnx_graph.receptive_field import receptive_fields
from viz.core.adapter import ReceptiveField

Node = tuple[str, list[object], dict[str, object]]


def conv(kernel: int, stride: int = 1, pad: int = 0, dilation: int = 1, channels: int = 1, out: int = 1) -> Node:
    weights = np.ones((out, channels, kernel, kernel), np.float32)
    geometry = {"strides": [stride] * 2, "pads": [pad] * 4, "dilations": [dilation] * 2}
    return ("Conv", [weights], geometry)


def pool(kernel: int, stride: int, pad: int = 0, **more: object) -> Node:
    return ("MaxPool", [], {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4, **more})


def plain(op: str, *inputs: object, **attributes: object) -> Node:
    """A node whose first input is the previous node's output; the others are arrays or tensor names."""
    return (op, list(inputs), attributes)


class Chain:
    """Nodes in a row: 'image' -> t0 -> t1 …"""

    def __init__(self, *nodes: Node, shape=(1, 1, 64, 64), layout="nchw", opset=17, shapes=None):
        self.layout, self.opset, self.more_shapes = layout, opset, shapes or {}
        self.stored: dict[str, np.ndarray] = {}
        self.nodes: list[onnx.NodeProto] = []
        for k, (op, inputs, attributes) in enumerate(nodes):
            names = [f"t{k - 1}" if k else "image", *(self.name_of(value) for value in inputs)]
            domain = "com.microsoft" if attributes.pop("microsoft", False) else ""
            self.nodes.append(helper.make_node(op, names, [f"t{k}"], domain=domain, **attributes))
        self.graph = helper.make_graph(
            self.nodes,
            "chain",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(f"t{len(nodes) - 1}", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(value, name) for name, value in self.stored.items()],
        )

    def name_of(self, value: object) -> str:
        if isinstance(value, str):
            return value
        self.stored[f"c{len(self.stored)}"] = np.asarray(value)
        return f"c{len(self.stored) - 1}"

    def arguments(self) -> tuple[object, ...]:
        opsets = [helper.make_opsetid(d, 1 if d else self.opset) for d in {"", *(n.domain for n in self.graph.node)}]
        model = helper.make_model(self.graph, opset_imports=opsets)
        inferred = shape_inference.infer_shapes(model, data_prop=True).graph
        shapes = {
            info.name: tuple(d.dim_value or None for d in info.type.tensor_type.shape.dim)
            for info in [*inferred.input, *inferred.value_info, *inferred.output]
            if info.type.tensor_type.HasField("shape")
        }
        return self.graph, shapes | self.more_shapes, self.stored.get, "image", self.layout, self.opset

    def fields(self) -> dict[str, ReceptiveField | None]:
        return receptive_fields(*self.arguments())


def field_after(*nodes: Node, **options: object) -> ReceptiveField | None:
    return Chain(*nodes, **options).fields()[f"t{len(nodes) - 1}"]


def windows(size: int, stride: float, offset: float) -> ReceptiveField:
    return ReceptiveField((size, size), (stride, stride), (offset, offset))


def everything(height: int, width: int) -> ReceptiveField:
    return ReceptiveField((height, width), (0, 0), (0, 0), everywhere=True)
