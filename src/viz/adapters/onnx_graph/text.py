"""Whether the names in a model are text: protobuf hands over damaged ones as bytes."""

from collections.abc import Iterable, Iterator
from typing import Any

import onnx

from viz.adapters.onnx_graph.walking import graphs_of
from viz.core.errors import ModelError


def check_text(model: onnx.ModelProto) -> None:
    """Raise `ModelError` for an operator, domain, tensor or attribute whose name is not UTF-8."""
    for text in _texts_of_model(model):
        if not isinstance(text, str):
            raise ModelError(
                f"the model holds the name {text[:40]!r}, which is not text",
                "the file is damaged: export the model again, or compare its size and checksum with the original",
            )


def _texts_of_model(model: onnx.ModelProto) -> Iterator[Any]:
    yield from (entry.domain for entry in model.opset_import)
    yield from _texts_of_graph(model.graph)
    for function in model.functions:
        yield from (function.domain, function.name, function.overload, *function.input, *function.output)
        yield from (entry.domain for entry in function.opset_import)
        yield from _texts_of_nodes(function.node)


def _texts_of_graph(graph: onnx.GraphProto) -> Iterator[Any]:
    yield from (value.name for value in (*graph.input, *graph.output, *graph.value_info))
    stored = (*graph.initializer, *(part for s in graph.sparse_initializer for part in (s.values, s.indices)))
    for tensor in stored:
        yield tensor.name
        yield from (text for entry in tensor.external_data for text in (entry.key, entry.value))
    yield from _texts_of_nodes(graph.node)


def _texts_of_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[Any]:
    for node in nodes:
        yield from (node.op_type, node.domain, node.name, node.overload, *node.input, *node.output)
        for attribute in node.attribute:
            yield from (attribute.name, attribute.ref_attr_name)
            if attribute.HasField("t"):
                yield from (text for entry in attribute.t.external_data for text in (entry.key, entry.value))
        for graph in graphs_of(node):
            yield from _texts_of_graph(graph)
