"""Running nodes in order: what a set of wanted tensors needs is worked out once, then only followed."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch

from viz.adapters.onnx_torch.gradient_path import Journal
from viz.adapters.onnx_torch.graph import Graph, needs
from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.node_errors import node_error
from viz.adapters.onnx_torch.operator_table import Unsupported
from viz.adapters.onnx_torch.tiers import LowerTiers
from viz.core.errors import VizError

_LEFT_OUT = 0  # the place of inputs that a node leaves out: always None
_UNWANTED = 1  # the place of outputs that nobody reads


class Step(NamedTuple):
    """One node of a plan. Places are indices into the list of values."""

    function: Callable[..., Any] | None
    lower_tiers: LowerTiers
    node: Node
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    dead: tuple[int, ...]  # what no later step reads


class Plan:
    """The nodes that the wanted tensors of a graph need, with a place for every tensor they read or make.

    A plan keeps no values but constants, so it may run in several threads and inside `torch.vmap`.

    Attributes:
        arguments: names of the values that a call takes, in order.
        nodes: what runs, in order.
        ran: whether it has run once, so that its sizes are known to be sane.
    """

    def __init__(self, graph: Graph, wanted: Sequence[str], arguments: Sequence[str]):
        self.ran = False
        self.arguments = tuple(arguments)
        self.nodes = _ancestors(graph, wanted)
        read = {name for node in self.nodes for name in needs(node)}.union(wanted)
        places = {name: 2 + index for index, name in enumerate(sorted(read.union(arguments)))}
        self._initial: list[Any] = [None] * (2 + len(places))
        for name in read.intersection(graph.constants):
            self._initial[places[name]] = graph.constants[name]
        self._arguments = tuple(places[name] for name in arguments)
        self._wanted = tuple(places[name] for name in wanted)
        constant = {*graph.constants} - {*arguments}
        self._steps = _steps(self.nodes, places, lasting=constant.union(wanted))

    def __call__(self, journal: Journal, arguments: Sequence[Any]) -> list[Any]:
        """Values of the wanted tensors. Raises `ModelError` naming the node that failed."""
        values = self._initial.copy()
        for place, value in zip(self._arguments, arguments, strict=True):
            values[place] = value
        for step in self._steps:
            _run(step, values, journal)
        return [values[place] for place in self._wanted]


def plan_of_body(graph: Graph) -> Plan:
    """The plan of a graph inside a node: its arguments are its inputs, then what it takes from outside."""
    return Plan(graph, graph.outputs, (*graph.inputs, *graph.free))


def needed_inputs(graph: Graph, wanted: Sequence[str]) -> set[str]:
    """The inputs of a graph that the wanted tensors depend on."""
    read = {name for node in _ancestors(graph, wanted) for name in needs(node)}
    return read.union(wanted).intersection(graph.inputs)


def _run(step: Step, values: list[Any], journal: Journal) -> None:
    """Compute one node; put its outputs into their places and forget what died."""
    arguments = [values[place] for place in step.inputs]
    try:
        result = _computed(step, arguments, journal)
        _distribute(result if isinstance(result, tuple) else (result,), step.outputs, values)
    except VizError:
        raise
    except Exception as problem:  # operators raise whatever torch, numpy and onnx raise
        raise node_error(step.node, arguments, problem) from problem
    if journal.tracking:
        journal.watch(step.node, arguments, result)
    for place in step.dead:
        values[place] = None


def _computed(step: Step, arguments: Sequence[Any], journal: Journal) -> Any:
    if step.function is None:
        return step.lower_tiers(journal, arguments)
    try:
        return step.function(*arguments)
    except Unsupported as reason:
        return step.lower_tiers(journal, arguments, str(reason))
    except (TypeError, AttributeError):
        if all(argument is None or isinstance(argument, torch.Tensor | list) for argument in arguments):
            raise
        return step.lower_tiers(journal, arguments)  # strings and 4-bit numbers, which torch does not know


def _distribute(results: tuple[Any, ...], places: tuple[int, ...], values: list[Any]) -> None:
    """Put outputs into their places; some files name outputs that nobody reads and that are not made."""
    if any(place != _UNWANTED for place in places[len(results) :]):
        raise ValueError(f"it gives {len(results)} outputs where the file reads {len(places)}")
    for place, value in zip(places, results, strict=False):
        values[place] = value


def _ancestors(graph: Graph, wanted: Sequence[str]) -> tuple[Node, ...]:
    """The nodes that the wanted tensors depend on, in order."""
    needed = set(wanted)
    found = []
    for node in reversed(graph.nodes):
        if needed.intersection(node.outputs):
            found.append(node)
            needed.update(needs(node))
    return tuple(reversed(found))


def _steps(nodes: Sequence[Node], places: Mapping[str, int], lasting: set[str]) -> tuple[Step, ...]:
    last_use = {name: index for index, node in enumerate(nodes) for name in needs(node)}
    dying: list[list[int]] = [[] for _ in nodes]
    for name, index in last_use.items():
        if name not in lasting:
            dying[index].append(places[name])
    return tuple(_step(node, places, dead) for node, dead in zip(nodes, dying, strict=True))


def _step(node: Node, places: Mapping[str, int], dead: Sequence[int]) -> Step:
    outputs = tuple(places.get(name, _UNWANTED) for name in node.outputs)
    lower_tiers = LowerTiers(node, plan_of_body)
    names = (*node.inputs, *lower_tiers.captured)
    return Step(
        function=partial(node.function, node, **node.attributes) if node.function and not node.graphs else None,
        lower_tiers=lower_tiers,
        node=node,
        inputs=tuple(places[name] if name else _LEFT_OUT for name in names),
        outputs=outputs,
        dead=(*dead, _UNWANTED) if _UNWANTED in outputs else tuple(dead),
    )


def compute(node: Node, known: Mapping[str, Any], journal: Journal) -> dict[str, Any]:
    """The outputs of one node by name, its inputs given by name. Raises `ModelError`."""
    places = {name: 2 + index for index, name in enumerate({*needs(node), *filter(None, node.outputs)})}
    values = [None] * (2 + len(places))
    for name in needs(node):
        values[places[name]] = known[name]
    _run(_step(node, places, ()), values, journal)
    return {name: values[places[name]] for name in node.outputs if name}
