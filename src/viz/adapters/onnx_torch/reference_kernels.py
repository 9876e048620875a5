"""The last tier: onnx's own numpy kernels. They give values, and no gradient."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper
from onnx.reference import ReferenceEvaluator
from torch import Tensor

from viz.adapters.onnx_torch.element_types import to_numpy
from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.node_errors import no_way
from viz.core.torch_errors import first_lines


class ReferenceKernel:
    """Computes one node with onnx's reference implementation. `outer` are names that graphs inside it use."""

    def __init__(self, node: Node, outer: Sequence[str]):
        self._node = node
        self._outer = outer
        self._kernel: ReferenceEvaluator | None = None

    def __call__(self, arguments: Sequence[Any], reason: str) -> tuple[Any, ...]:
        """The node's outputs, None where one is not wanted. Raises `ModelError` where onnx has no kernel for it."""
        names = (*self._node.inputs, *self._outer)
        feeds = {name: to_numpy(value) for name, value in zip(names, arguments, strict=True) if name}
        if self._kernel is None:
            self._kernel = self._made(reason)
        with np.errstate(all="ignore"):  # NaN and infinity are answers; torch does not warn of them either
            results = iter(self._kernel.run(None, feeds))
        device = next((value.device for value in arguments if isinstance(value, Tensor)), torch.device("cpu"))
        values = (self._node.types.tensor(next(results)) if name else None for name in self._node.outputs)
        return tuple(_on(device, value) for value in values)

    def _made(self, reason: str) -> ReferenceEvaluator:
        try:
            return _evaluator(self._node, (*self._node.inputs, *self._outer))
        except Exception as problem:  # what it raises for an operator that it lacks differs between onnx versions
            raise no_way(self._node, [reason, first_lines(problem) if reason else ""]) from None


def has_kernel(node: Node) -> bool:
    """Whether onnx has a kernel for the operator."""
    try:
        _evaluator(node, node.inputs)
    except Exception:  # as above
        return False
    return True


def _evaluator(node: Node, names: Sequence[str]) -> ReferenceEvaluator:
    graph = helper.make_graph(
        [node.proto],
        "node",
        [onnx.ValueInfoProto(name=name) for name in dict.fromkeys(filter(None, names))],
        [onnx.ValueInfoProto(name=name) for name in node.outputs if name],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in node.opsets.items()]
    return ReferenceEvaluator(helper.make_model(graph, opset_imports=opsets))


def _on(device: torch.device, value: Any) -> Any:
    if isinstance(value, list):
        return [_on(device, item) for item in value]
    return value.to(device) if isinstance(value, Tensor) else value
