"""What a tensor is called besides its ONNX name: running index, `Relu_3`, its node, its torch module."""

import ast
import contextlib
from collections import Counter
from collections.abc import Mapping

import onnx


def aliases_of(graph: onnx.GraphProto, wanted: set[str]) -> dict[str, tuple[str, ...]]:
    """For every wanted tensor: its running index, `Relu_3`, its node's name, its torch module."""
    modules = _last_tensor_of_module(graph, wanted)
    counts: Counter[str] = Counter()
    found: dict[str, tuple[str, ...]] = {}
    for node in graph.node:
        first = True
        for name in (n for n in node.output if n in wanted):
            numbered = f"{node.op_type}_{counts[node.op_type]}"
            names = [str(len(found)), *([numbered, node.name] if first else []), *modules.get(name, ())]
            found[name] = tuple(dict.fromkeys(n for n in names if n and n != name))
            first = False
        if wanted.intersection(node.output):
            counts[node.op_type] += 1
    return found


def _last_tensor_of_module(graph: onnx.GraphProto, wanted: set[str]) -> Mapping[str, list[str]]:
    """Tensor -> torch modules whose output it is: the last tensor computed inside each module."""
    last: dict[str, str] = {}
    for node in graph.node:
        if node.output and node.output[0] in wanted:
            for module in _torch_modules(node):
                last[module] = node.output[0]
    by_tensor: dict[str, list[str]] = {}
    for module, tensor in last.items():
        by_tensor.setdefault(tensor, []).append(module)
    return by_tensor


def _torch_modules(node: onnx.NodeProto) -> list[str]:
    """Paths of the torch modules a node came from, outermost first, where the exporter left them.

    The current exporter writes a list into the node's metadata; the older one names nodes
    `/layer1/layer1.0/conv1/Conv`, each part a path or the last part of one.
    """
    for entry in node.metadata_props:
        if entry.key == "pkg.torch.onnx.name_scopes":
            with contextlib.suppress(ValueError, SyntaxError):
                return [scope for scope in ast.literal_eval(entry.value)[:-1] if scope]
    if not node.name.startswith("/"):
        return []
    path, modules = "", []
    for part in node.name.split("/")[1:-1]:
        path = part if not path or part.startswith(path + ".") else f"{path}.{part}"
        modules.append(path)
    return modules
