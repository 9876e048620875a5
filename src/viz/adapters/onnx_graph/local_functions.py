"""Functions that a file brings along, written out in the graph, so that the tensors inside them can be shown."""

from collections.abc import Iterable, Mapping

import onnx

from viz.adapters.onnx_graph.walking import all_nodes
from viz.core.errors import ModelError

_MOST_NODES = 1_000_000
_EXPORT = "export the model again; ONNX functions must not call themselves"

Key = tuple[str, str, str]


def inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without local functions. Raises `ModelError` where they call themselves or grow beyond all bounds."""
    if not model.functions:
        return model
    from onnx import inliner

    _check_size(model)
    try:
        return inliner.inline_local_functions(model)
    except Exception as problem:  # the inliner raises bare C++ errors on malformed functions
        raise ModelError(f"the local functions of the model cannot be expanded: {problem}", _EXPORT) from None


def _check_size(model: onnx.ModelProto) -> None:
    """Each of forty functions may call the next one twice: count before writing them out."""
    functions = {(f.domain, f.name, f.overload): f for f in model.functions}
    sizes: dict[Key, int] = {}
    for key in functions:
        _measure(key, functions, sizes)
    if _size(model.graph.node, sizes) > _MOST_NODES:
        raise ModelError(
            f"the local functions of the model expand to more than {_MOST_NODES:,} nodes",
            "the file was made to exhaust memory, or its exporter went wrong: export the model again",
        )


def _measure(start: Key, functions: Mapping[Key, onnx.FunctionProto], sizes: dict[Key, int]) -> None:
    """Fill in `sizes` for a function and all that it calls, innermost first."""
    path = [] if start in sizes else [start]
    while path:
        calls = [key for key in map(_key, all_nodes(functions[path[-1]].node)) if key in functions]
        unknown = next((key for key in calls if key not in sizes), None)
        if unknown is None:
            sizes[path[-1]] = _size(functions[path[-1]].node, sizes)
            path.pop()
        elif unknown in path:
            raise ModelError(f"the local function {unknown[1]!r} of the model calls itself", _EXPORT)
        else:
            path.append(unknown)


def _size(nodes: Iterable[onnx.NodeProto], sizes: Mapping[Key, int]) -> int:
    return sum(sizes.get(_key(node), 1) for node in all_nodes(nodes))


def _key(node: onnx.NodeProto) -> Key:
    return node.domain, node.op_type, node.overload
