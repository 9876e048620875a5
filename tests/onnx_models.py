"""Small ONNX files for tests, with every way in which real ones differ: layout, type, batch, ends."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CLASSES = 4


def conv_net(
    path: Path,
    *,
    batch: int | str = "n",
    size: tuple[int | str, int | str] = (16, 16),
    channels: int = 3,
    layout: str = "nchw",
    elem_type: int = TensorProto.FLOAT,
    end: str = "",
    flatten: Sequence[int] | None = None,
    opset: int = 17,
    further: Sequence[tuple[str, float | None]] = (),
    metadata: dict[str, str] | None = None,
    seed: int = 0,
) -> Path:
    """conv 3x3 stride 2 -> relu -> global average pool -> flatten -> gemm [-> end], saved at `path`.

    `flatten` is the constant of a Reshape in place of a Flatten; `end` is an operator such as Softmax;
    `further` lists other inputs (name, default or None), added to the scores.
    """
    rng = np.random.default_rng(seed)
    dims = [batch, channels, *size] if layout == "nchw" else [batch, *size, channels]
    weights = {
        "w": rng.normal(size=(6, channels, 3, 3)).astype(np.float32),
        "head": rng.normal(size=(6, CLASSES)).astype(np.float32),
        "bias": rng.normal(size=CLASSES).astype(np.float32),
    }
    nodes, image = _entrance(elem_type, layout)
    nodes += [
        helper.make_node(
            "Conv", [image, "w"], ["conv"], "stem.conv", kernel_shape=[3, 3], pads=[1] * 4, strides=[2, 2]
        ),
        helper.make_node("Relu", ["conv"], ["relu"], "stem.relu"),
        helper.make_node("GlobalAveragePool", ["relu"], ["pool"]),
    ]
    if flatten is None:
        nodes.append(helper.make_node("Flatten", ["pool"], ["flat"]))
    else:
        weights["flat_shape"] = np.array(flatten, np.int64)
        nodes.append(helper.make_node("Reshape", ["pool", "flat_shape"], ["flat"]))
    nodes.append(helper.make_node("Gemm", ["flat", "head", "bias"], ["scores"]))
    last = "scores"
    inputs = [helper.make_tensor_value_info("image", elem_type, dims)]
    for name, default in further:
        inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, []))
        if default is not None:
            weights[name] = np.array(default, np.float32)
        nodes.append(helper.make_node("Add", [last, name], [f"{last}_{name}"]))
        last = f"{last}_{name}"
    if end:
        nodes.append(helper.make_node(end, [last], ["end"], **({"axis": 1} if "oftmax" in end else {})))
        last = "end"
    output = helper.make_tensor_value_info(last, TensorProto.FLOAT, [batch, CLASSES])
    return save(path, nodes, inputs, [output], weights, opset, metadata)


def _entrance(elem_type: int, layout: str) -> tuple[list[onnx.NodeProto], str]:
    nodes, name = [], "image"
    if elem_type != TensorProto.FLOAT:
        nodes.append(helper.make_node("Cast", [name], ["as_float"], to=TensorProto.FLOAT))
        name = "as_float"
    if layout == "nhwc":
        nodes.append(helper.make_node("Transpose", [name], ["as_nchw"], perm=[0, 3, 1, 2]))
        name = "as_nchw"
    return nodes, name


def save(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    weights: dict[str, Any],
    opset: int = 17,
    metadata: dict[str, str] | None = None,
    **options: Any,
) -> Path:
    """Save a graph as a checked file; `options` go to onnx.save_model (external data)."""
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "test", inputs, outputs, stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    onnx.save_model(model, str(path), **options)
    return path


def image_value(name: str, dims: Sequence[int | str | None], elem_type: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    """A typed input or output."""
    return helper.make_tensor_value_info(name, elem_type, dims)
