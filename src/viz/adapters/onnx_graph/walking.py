"""Walking the nodes of a model, through the graphs inside nodes and into local functions."""

from collections.abc import Iterable, Iterator

import onnx

from viz.core.errors import ModelError

_DEEPEST = 40  # a file cannot hold much more: protobuf reads 100 levels, and a nested graph takes three


def graphs_of(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The graphs in a node's attributes."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def all_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """These nodes, and those of the graphs inside them."""
    for node in nodes:
        yield node
        for graph in graphs_of(node):
            yield from all_nodes(graph.node)


def check_depth(model: onnx.ModelProto) -> None:
    """Raise `ModelError` where graphs lie so deep inside each other that walking them would end in a crash."""
    level = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    for _ in range(_DEEPEST):
        level = [inner for node in level for graph in graphs_of(node) for inner in graph.node]
    if level:
        raise ModelError(
            f"graphs are nested more than {_DEEPEST} deep in the model",
            "no exporter writes such a file: export the model again",
        )
