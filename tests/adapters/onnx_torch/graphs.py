"""Models of a few nodes, as protos in memory, for tests of the executor."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from viz.adapters.onnx_torch.program import OnnxProgram

node = helper.make_node


def value(name: str, dims: Sequence[int | str | None] | None = None, kind: int = TensorProto.FLOAT) -> Any:
    """A typed input or output; without `dims` of any shape."""
    return helper.make_tensor_value_info(name, kind, dims)


def graph(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[Any] = ("x",),
    outputs: Sequence[Any] = ("y",),
    weights: Mapping[str, Any] | None = None,
) -> onnx.GraphProto:
    """A graph; inputs and outputs by name (float, of any shape) or as typed values."""
    stored = [numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()]
    return helper.make_graph(nodes, "graph", _typed(inputs), _typed(outputs), stored)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[Any] = ("x",),
    outputs: Sequence[Any] = ("y",),
    weights: Mapping[str, Any] | None = None,
    opset: int = 17,
    domains: Mapping[str, int] | None = None,
    functions: Sequence[onnx.FunctionProto] = (),
) -> onnx.ModelProto:
    """A model of one graph; see `graph`."""
    opsets = [helper.make_opsetid(domain, version) for domain, version in {"": opset, **(domains or {})}.items()]
    whole = graph(nodes, inputs, outputs, weights)
    return helper.make_model(whole, opset_imports=opsets, ir_version=10, functions=functions)


def program(*args: Any, native: bool = False, **kwargs: Any) -> OnnxProgram:
    """The executor's program for a model of one graph; see `model`."""
    return OnnxProgram(model(*args, **kwargs), Path(), native)


def _typed(values: Sequence[Any]) -> list[Any]:
    return [value(entry) if isinstance(entry, str) else entry for entry in values]
