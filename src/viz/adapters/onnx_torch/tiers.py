"""What computes a node that torch has no function for: control flow, its own ONNX body, or else onnx's kernel."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from viz.adapters.onnx_torch.control_flow import CONTROL_FLOW, Body
from viz.adapters.onnx_torch.function_bodies import body_of, kinds_of
from viz.adapters.onnx_torch.gradient_path import Journal
from viz.adapters.onnx_torch.graph import Graph, captured
from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.reference_kernels import ReferenceKernel

if TYPE_CHECKING:
    from viz.adapters.onnx_torch.execution import Plan


class LowerTiers:
    """Computes one node without the table of torch functions, and keeps what it has worked out for it.

    `captured` are the names that the graphs inside the node take from outside.
    """

    def __init__(self, node: Node, plan_of_body: "Callable[[Graph], Plan]"):
        self.captured = captured(node)
        self._node = node
        self._plan_of_body = plan_of_body
        self._control_flow = CONTROL_FLOW.get((node.domain, node.op))
        self._plans: dict[str, Plan] = {}
        self._bodies: dict[Hashable, Plan | None] = {}
        self._kernel = ReferenceKernel(node, self.captured)

    def __call__(self, journal: Journal, arguments: Sequence[Any], reason: str = "") -> Any:
        """The node's outputs, a tuple or the only one; `arguments` are its inputs, then the captured values.

        `reason` says why its torch function did not do. Raises `ModelError` where nothing computes it.
        """
        inputs, outer = arguments[: len(self._node.inputs)], arguments[len(self._node.inputs) :]
        by_name = dict(zip(self.captured, outer, strict=True))
        if self._control_flow is not None:
            return self._control_flow(self._node, self._inner(by_name, journal), inputs)
        body = self._body(inputs)
        if body is None:
            return self._kernel(arguments, reason)
        given = by_name | dict(zip(body.arguments, inputs, strict=False))
        return tuple(body(journal, [given.get(name) for name in body.arguments]))

    def _inner(self, outer: Mapping[str, Any], journal: Journal) -> dict[str, Body]:
        """The graphs inside the node, ready to be called."""
        bodies = {}
        for name, graph in self._node.graphs.items():
            if name not in self._plans:
                self._plans[name] = self._plan_of_body(graph)
            bodies[name] = Body(self._node, graph, self._plans[name], [outer[free] for free in graph.free], journal)
        return bodies

    def _body(self, inputs: Sequence[Any]) -> "Plan | None":
        """The plan of the node's own function for inputs of these types; None where the standard gives none."""
        kinds = kinds_of(inputs)
        if kinds not in self._bodies:
            graph = body_of(self._node, inputs)
            self._bodies[kinds] = None if graph is None else self._plan_of_body(graph)
        return self._bodies[kinds]
