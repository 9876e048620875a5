"""The second tier: an operator computed by the function that the ONNX standard gives as its meaning."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import onnx
import torch
from onnx import helper

from viz.adapters.onnx_torch.element_types import code_of
from viz.adapters.onnx_torch.graph import Graph, decode_function
from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.schemas import schema_of


def body_of(node: Node, inputs: Sequence[Any]) -> Graph | None:
    """The function that computes a node for inputs of these types, as a graph; None where the standard has none."""
    schema = schema_of(node.domain, node.op, node.version)
    if schema is None:
        return None
    function = onnx.FunctionProto()
    if schema.has_function:
        version = _fitting(schema.function_opset_versions, node.version)
        function.ParseFromString(schema.get_function_with_opset_version(version))
    elif schema.has_context_dependent_function:
        written = _written_for(node, schema, [_type_of(value) for value in inputs])
        if not written:
            return None
        function.ParseFromString(written)
    else:
        return None
    bind(function, _attributes(node, schema))
    return decode_function(function, node.types, node.opsets)


def has_body(node: Node) -> bool:
    """Whether the standard gives the operator's meaning as a function, for some types at least."""
    schema = schema_of(node.domain, node.op, node.version)
    return schema is not None and bool(schema.has_function or schema.has_context_dependent_function)


def kinds_of(inputs: Sequence[Any]) -> Hashable:
    """What a function can depend on: element types and shapes of the inputs."""
    return tuple(_kind(value) for value in inputs)


def _kind(value: Any) -> Hashable:
    if isinstance(value, list | tuple):
        return tuple(_kind(item) for item in value)
    return None if value is None else (value.dtype, tuple(value.shape))


def _written_for(node: Node, schema: Any, types: Sequence[onnx.TypeProto]) -> bytes:
    version = _fitting(schema.context_dependent_function_opset_versions, node.version)
    proto, given = node.proto.SerializeToString(), [kind.SerializeToString() for kind in types]
    return bytes(schema.get_context_dependent_function_with_opset_version(version, proto, given))


def _fitting(versions: Iterable[int], wanted: int) -> int:
    """The newest version of a function that is not newer than the operator, else the oldest."""
    ordered = sorted(versions)
    return max((version for version in ordered if version <= wanted), default=ordered[0])


def _type_of(value: Any) -> onnx.TypeProto:
    if value is None:
        return onnx.TypeProto()
    if isinstance(value, list | tuple):
        return helper.make_sequence_type_proto(_type_of(value[0] if value else None))
    if isinstance(value, torch.Tensor):
        return helper.make_tensor_type_proto(code_of(value.dtype), list(value.shape))
    return helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(value.dtype), list(value.shape))


def _attributes(node: Node, schema: Any) -> dict[str, onnx.AttributeProto]:
    """The node's attributes, and the operator's defaults for those that it leaves out."""
    defaults = {name: a.default_value for name, a in schema.attributes.items() if a.default_value.name}
    return defaults | {attribute.name: attribute for attribute in node.proto.attribute}


def bind(function: onnx.FunctionProto, values: Mapping[str, onnx.AttributeProto]) -> None:
    """Put a call's attributes in the place of references to them, in graphs inside nodes too.

    A reference to an attribute that the call leaves out and that has no default is dropped.
    """
    for node in function.node:
        _bind_node(node, values)


def _bind_node(node: onnx.NodeProto, values: Mapping[str, onnx.AttributeProto]) -> None:
    kept = []
    for attribute in node.attribute:
        name, reference = attribute.name, attribute.ref_attr_name
        if not reference:
            for inner in attribute.g.node if attribute.HasField("g") else ():
                _bind_node(inner, values)
        elif reference not in values:
            continue
        bound = onnx.AttributeProto()
        bound.CopyFrom(values[reference] if reference else attribute)
        bound.name = name
        kept.append(bound)
    del node.attribute[:]
    node.attribute.extend(kept)
