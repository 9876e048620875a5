"""An ONNX graph, decoded: nodes in topological order, constants as tensors, names that it takes from outside."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx

from viz.adapters.onnx_torch.constants import constant_of_node, dense, stored
from viz.adapters.onnx_torch.element_types import ElementTypes
from viz.adapters.onnx_torch.node import Node, decoded_attributes, domain_of, function_of
from viz.adapters.onnx_torch.schemas import check_attributes
from viz.core.errors import ModelError


@dataclass(frozen=True, eq=False)
class Graph:
    """A graph as the executor runs it: the main one, a branch, a loop's body or a function's body.

    Attributes:
        nodes: in an order in which each comes after what it needs. Constant nodes are among the constants.
        constants: values by name; tensors where torch has the type, else numpy arrays.
        inputs: all of them, those with a default value included; the default is among the constants.
        outputs: names, in order.
        output_types: what the file says of the outputs, where it says something.
        free: names that come from the graph around this one.
    """

    nodes: tuple[Node, ...]
    constants: Mapping[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    output_types: Mapping[str, onnx.TypeProto]
    free: tuple[str, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """The inputs without a default value."""
        return tuple(name for name in self.inputs if name not in self.constants)

    def with_constants(self, constants: Mapping[str, Any]) -> "Graph":
        """The same graph with these constants instead, and nothing prepared from the earlier ones."""
        return replace(self, nodes=tuple(fresh(node) for node in self.nodes), constants=constants)

    def mapped(self, change: Callable[[Any], Any]) -> "Graph":
        """The same graph with every constant and every stored attribute passed through `change`."""
        nodes = tuple(
            replace(
                fresh(node),
                attributes={name: change(value) for name, value in node.attributes.items()},
                graphs={name: inner.mapped(change) for name, inner in node.graphs.items()},
            )
            for node in self.nodes
        )
        return replace(self, nodes=nodes, constants={name: change(value) for name, value in self.constants.items()})


def decode(proto: onnx.GraphProto, types: ElementTypes, opsets: Mapping[str, int], folder: Path | None = None) -> Graph:
    """A graph of a file, and the graphs inside its nodes. Raises `ModelError` for what cannot be decoded."""
    constants = {tensor.name: stored(tensor, types, folder) for tensor in proto.initializer}
    constants |= {sparse.values.name: dense(sparse, types, folder) for sparse in proto.sparse_initializer}
    outputs = tuple(value.name for value in proto.output)
    return _assembled(
        [_decoded(node, types, opsets, folder) for node in proto.node],
        constants,
        tuple(value.name for value in proto.input),
        outputs,
        {value.name: value.type for value in proto.output},
    )


def decode_function(proto: onnx.FunctionProto, types: ElementTypes, opsets: Mapping[str, int]) -> Graph:
    """The body of a function whose attribute references are bound; `opsets` are for domains that it does not name."""
    opsets = {**opsets, **_versions(proto.opset_import)}
    nodes = [_decoded(node, types, opsets, None) for node in proto.node]
    return _assembled(nodes, {}, tuple(proto.input), tuple(proto.output), {})


def opsets_of(imports: Iterable[onnx.OperatorSetIdProto]) -> dict[str, int]:
    """Versions by domain; files that name no version of the standard operators are of version 1."""
    return {"": 1, **_versions(imports)}


def _versions(imports: Iterable[onnx.OperatorSetIdProto]) -> dict[str, int]:
    return {("" if entry.domain == "ai.onnx" else entry.domain): entry.version for entry in imports}


def captured(node: Node) -> tuple[str, ...]:
    """Names that the graphs inside a node take from the graph that the node is in."""
    return tuple(dict.fromkeys(name for graph in node.graphs.values() for name in graph.free))


def needs(node: Node) -> Iterator[str]:
    """Every tensor that a node needs: its inputs, and what the graphs inside it take from outside."""
    yield from filter(None, node.inputs)
    yield from captured(node)


def fresh(node: Node) -> Node:
    """The node with nothing kept from earlier calls."""
    return replace(node, cache={})


def _decoded(proto: onnx.NodeProto, types: ElementTypes, opsets: Mapping[str, int], folder: Path | None) -> Node:
    domain = domain_of(proto)
    version = opsets.get(domain, 1)
    check_attributes(proto, domain, version)
    try:
        attributes, graphs = decoded_attributes(proto, types, str(folder) if folder else "")
    except Exception as problem:  # numpy and protobuf raise many things for attributes that contradict themselves
        raise ModelError(
            f"an attribute of {proto.op_type} {proto.name or list(proto.output)} cannot be read: {problem}",
            "check the file with `python -m onnx.checker FILE`",
        ) from problem
    return Node(
        op=proto.op_type,
        domain=domain,
        version=version,
        name=proto.name,
        inputs=tuple(proto.input),
        outputs=_without_unwanted_tail(proto.output),
        attributes=attributes,
        graphs={name: decode(graph, types, opsets, folder) for name, graph in graphs.items()},
        types=types,
        opsets=opsets,
        proto=proto,
        function=function_of(domain, proto.op_type, version),
        constant=(False,) * len(proto.input),
    )


def _without_unwanted_tail(names: Sequence[str]) -> tuple[str, ...]:
    wanted = list(names)
    while wanted and not wanted[-1]:
        wanted.pop()
    return tuple(wanted)


def _assembled(
    nodes: Sequence[Node],
    constants: dict[str, Any],
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    output_types: dict[str, onnx.TypeProto],
) -> Graph:
    live = []
    for node in nodes:
        if node.op == "Constant" and not node.domain and node.outputs:
            constants[node.outputs[0]] = constant_of_node(node)
        else:
            live.append(node)
    ordered = _in_order(live)
    made = set(constants).union(inputs, *(node.outputs for node in ordered))
    wanted = [name for node in ordered for name in needs(node)] + list(outputs)
    free = tuple(dict.fromkeys(name for name in wanted if name not in made))
    return Graph(tuple(ordered), constants, inputs, outputs, output_types, free)


def _in_order(nodes: Sequence[Node]) -> list[Node]:
    """Nodes so that each comes after what it needs, otherwise as in the file. Raises `ModelError` for a cycle."""
    maker = {name: index for index, node in enumerate(nodes) for name in node.outputs if name}
    needed = [{maker[name] for name in needs(node) if name in maker} for node in nodes]
    if all(before < index for index, makers in enumerate(needed) for before in makers):
        return list(nodes)
    done: dict[int, None] = {}
    for index in range(len(nodes)):
        _visit(index, needed, done, nodes)
    return [nodes[index] for index in done]


def _visit(start: int, needed: Sequence[set[int]], done: dict[int, None], nodes: Sequence[Node]) -> None:
    """Depth first, with a stack of its own: graphs are deeper than Python's."""
    path = {start: iter(sorted(needed[start] - done.keys()))} if start not in done else {}
    while path:
        current = next(reversed(path))
        following = next((index for index in path[current] if index not in done), None)
        if following is None:
            done[current] = None
            del path[current]
        elif following in path:
            raise ModelError(
                f"the graph has a cycle: {nodes[following].label} needs its own result",
                "export the model again; ONNX graphs must not have cycles",
            )
        else:
            path[following] = iter(sorted(needed[following]))
