"""Which tier computes each operator of a graph, as far as can be told without running it."""

from collections import Counter
from typing import Literal

from viz.adapters.onnx_torch.control_flow import CONTROL_FLOW
from viz.adapters.onnx_torch.function_bodies import has_body
from viz.adapters.onnx_torch.graph import Graph
from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.reference_kernels import has_kernel

Tier = Literal["torch function", "control flow", "function body", "reference kernel", "none"]


def tier_of(node: Node) -> Tier:
    """The first tier that has the operator; a case that it does not cover falls to those after it."""
    if (node.domain, node.op) in CONTROL_FLOW:
        return "control flow"
    if node.function is not None:
        return "torch function"
    if has_body(node):
        return "function body"
    return "reference kernel" if has_kernel(node) else "none"


def tier_counts(graph: Graph) -> dict[str, Counter[Tier]]:
    """Nodes by operator (`Conv`, `com.microsoft::Gelu`) and tier, those in graphs inside nodes included."""
    counts: dict[str, Counter[Tier]] = {}
    for node in graph.nodes:
        counts.setdefault(node.operator, Counter())[tier_of(node)] += 1
        for inner in node.graphs.values():
            for operator, tiers in tier_counts(inner).items():
                counts.setdefault(operator, Counter()).update(tiers)
    return counts
