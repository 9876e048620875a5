"""Whether a graph can mean anything: every tensor has one maker, every input exists."""

from collections.abc import Iterable

import onnx

from viz.adapters.onnx_graph.walking import graphs_of
from viz.core.errors import ModelError

_AGAIN = "the file is damaged or its exporter went wrong: try `python -m onnx.checker FILE`, and export it again"


def check_structure(model: onnx.ModelProto) -> None:
    """Raise `ModelError` for opset versions below 1, and for tensors that are missing, doubled or nameless."""
    for entry in model.opset_import:
        if entry.version < 1:
            raise ModelError(f"the model says it uses version {entry.version} of domain {entry.domain!r}", _AGAIN)
    _check_graph(model.graph, frozenset())


def _check_graph(graph: onnx.GraphProto, outer: frozenset[str]) -> None:
    """`outer` are the names that the graphs around this one have."""
    inputs = [value.name for value in graph.input]
    stored = [tensor.name for tensor in graph.initializer]
    stored += [sparse.values.name for sparse in graph.sparse_initializer]
    made = [name for node in graph.node for name in node.output if name]
    outputs = [value.name for value in graph.output]
    if "" in (*inputs, *stored, *outputs):
        raise ModelError("an input, an output or a weight of the model has no name", _AGAIN)
    _check_once(inputs, "inputs")
    _check_once(stored, "weights")
    _check_once([*made, *dict.fromkeys([*inputs, *stored])], "inputs, weights and results of nodes")
    names = outer.union(inputs, stored, made)
    for node in graph.node:
        _check_names(node, names)
        for inner in graphs_of(node):
            _check_graph(inner, names)
    for name in outputs:
        if name not in names:
            raise ModelError(f"the model's output {name!r} is made by no node", _AGAIN)


def _check_names(node: onnx.NodeProto, names: frozenset[str]) -> None:
    if not node.op_type:
        raise ModelError(f"the node {node.name or list(node.output)!r} has no operator", _AGAIN)
    for name in node.input:
        if name and name not in names:
            raise ModelError(
                f"{node.op_type} {node.name or list(node.output)!r} needs {name!r}, which no node makes "
                "and which is neither an input nor a weight",
                _AGAIN,
            )


def _check_once(names: Iterable[str], what: str) -> None:
    seen = set()
    for name in names:
        if name in seen:
            raise ModelError(f"the name {name!r} is there twice among the {what} of the model", _AGAIN)
        seen.add(name)
