"""Which operators hold at another size of the image, and the first node of a graph that does not.

An operator is let pass only by a rule. Sizes that a file has written in (a reshape's target, a pool over the
whole map) mostly stop the runtime; the rules find those that would give other values without a word.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import onnx

from viz.adapters.onnx_graph.layers import image_dependent
from viz.adapters.onnx_graph.other_size import choosing, combining, reshaping, sliding  # noqa: F401  (fill the table)
from viz.adapters.onnx_graph.other_size.step import Lengths, Obstacle, Sizes, Step
from viz.adapters.onnx_graph.other_size.table import RULES
from viz.adapters.onnx_graph.receptive_field.tracing import DOMAINS, VALUE_FREE
from viz.adapters.onnx_graph.walking import graphs_of


def first_obstacle(
    nodes: Sequence[onnx.NodeProto], graph: onnx.GraphProto, image: str, own: Sizes, other: Sizes, opset: int
) -> Obstacle | None:
    """The first of `nodes`, which are the first ones of `graph`, that does not hold; None where all do."""
    moving = {image, *image_dependent(graph, image)}
    users = _users(graph)
    merged: set[tuple[Lengths, ...]] = set()
    for node in nodes:
        if node.op_type in VALUE_FREE or not moving.intersection(node.output):
            continue
        step = Step(node, own, other, moving, users.get(node.output[0], []), merged, opset)
        reason = _obstacle(step)
        if reason:
            return Obstacle(node, reason)
    return None


def _obstacle(step: Step) -> str:
    node = step.node
    for name in filter(None, node.output):
        if len(step.own.shapes[name]) != len(step.other.shapes[name]):
            return "gives another number of axes"
    if any(graphs_of(node)):
        return "holds graphs of its own, of which it is not known what they do at another size"
    if not any(step.changed(name) for name in step.inputs()):
        return ""
    rule = RULES.get(node.op_type) if node.domain in DOMAINS else None
    return rule(step) if rule else "is not known to do the same at another size"


def _users(graph: onnx.GraphProto) -> Mapping[str, list[onnx.NodeProto]]:
    users: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in set(node.input):
            users[name].append(node)
    return users
