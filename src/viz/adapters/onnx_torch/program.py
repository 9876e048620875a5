"""An ONNX model as a differentiable function: feeds in, any of its tensors out."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor

from viz.adapters.onnx_graph.file import checked
from viz.adapters.onnx_torch.coverage import Tier, tier_counts
from viz.adapters.onnx_torch.element_types import ElementTypes
from viz.adapters.onnx_torch.execution import Plan, needed_inputs
from viz.adapters.onnx_torch.folding import folded
from viz.adapters.onnx_torch.gradient_path import Journal
from viz.adapters.onnx_torch.graph import Graph, decode, opsets_of
from viz.adapters.onnx_torch.memory_guard import MemoryGuard, sane_bytes
from viz.adapters.onnx_torch.operation_agreement import operation_differences
from viz.adapters.onnx_torch.versions import check_versions
from viz.core.adapter import Edge
from viz.core.errors import ModelError, UnknownName, UsageError
from viz.core.result import FloatArray


@dataclass(frozen=True)
class Run:
    """What one run gave.

    Attributes:
        values: the wanted tensors by name, with autograd back to the feeds.
        ended: nodes that took tensors with a gradient and gave none on: `ArgMax 'head'`.
        straight_through: nodes that a gradient passed as if they were not there: `QuantizeLinear 'q'`.
        edges: where wanted tensors sit in the autograd graph; one that is not listed is its value itself.
    """

    values: dict[str, Any]
    ended: tuple[str, ...]
    straight_through: tuple[str, ...]
    edges: Mapping[str, Edge] = field(default_factory=dict)


class OnnxProgram:
    """The main graph of a model, run node by node as torch operations.

    Values are computed in the element types of the file, half precision in float32 unless `native`.
    Constants do not require gradients and are shared with the file where its types and layout allow.
    A run depends on its feeds only and changes nothing, so `run` may be called in `torch.vmap`.

    Args:
        model: the model; local functions are written out.
        folder: where its external data lies.
        native: compute half precision as such.
        double: compute all real numbers in float64.

    Attributes:
        types: the dtypes that it computes in.
        device: where its constants are.

    Raises:
        ModelError: the model contradicts itself, or is newer than the installed onnx package.
    """

    def __init__(self, model: onnx.ModelProto, folder: Path, native: bool = False, double: bool = False):
        self.types = ElementTypes(native, double)
        self.device = torch.device("cpu")
        model, _ = checked(model, folder)
        check_versions(model)
        self._source = decode(model.graph, self.types, opsets_of(model.opset_import), folder)
        self._fold()

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names that `run` needs values for: those without a default value in the file."""
        return self._source.required

    @property
    def outputs(self) -> tuple[str, ...]:
        """The model's own outputs."""
        return self._source.outputs

    @property
    def operators(self) -> frozenset[tuple[str, str]]:
        """Domain and name of every operator of the main graph."""
        return frozenset((node.domain, node.op) for node in self._source.nodes)

    @property
    def tensor_names(self) -> tuple[str, ...]:
        """Inputs and results of all nodes, in the order of execution."""
        made = (name for node in self._source.nodes for name in node.outputs if name)
        return tuple(dict.fromkeys([*self.inputs, *made]))

    @property
    def branches(self) -> bool:
        """Whether what runs may depend on values: an If or a Loop that was not folded away."""
        return any(node.op in ("If", "Loop") for node in self._graph(frozenset()).nodes)

    @property
    def weights(self) -> Mapping[str, Tensor]:
        """The constants of the file as it has them, by name, on the CPU; to read, not to write to."""
        return {name: value for name, value in self._source.constants.items() if isinstance(value, Tensor)}

    def with_weights(self, weights: Mapping[str, Tensor]) -> "OnnxProgram":
        """The same program with other values, of the same shapes, for some constants of the file.

        Raises `UnknownName`, and `UsageError` for another shape.
        """
        own = self.weights
        for name, value in weights.items():
            if name not in own:
                raise UnknownName("constant", name, own)
            if value.shape != own[name].shape:
                raise UsageError(f"{name!r} has shape {tuple(own[name].shape)}, not {tuple(value.shape)}")
        changed = copy(self)
        changed._source = self._source.with_constants({**self._source.constants, **weights})
        changed._fold()
        return changed

    def to(self, device: torch.device | str) -> "OnnxProgram":
        """The same program on a device; feeds must be there too."""
        moved = copy(self)
        moved.device = torch.device(device)
        moved._graphs = {varying: _moved(graph, moved.device) for varying, graph in self._graphs.items()}
        moved._plans = {}
        return moved

    def run(self, feeds: Mapping[str, Any], wanted: Sequence[str]) -> Run:
        """Values of the wanted tensors for these feeds (a tensor, a list for a sequence, None for an optional).

        Half precision feeds are taken as float32 unless `native`; of other types nothing is changed, so a
        graph that begins with a Cast from whole numbers takes floats, with their gradient, as well.
        Raises `UnknownName` for names that the graph does not have, `OutOfMemory`, or a `ModelError` that
        names the node that failed.
        """
        plan = self._plan(tuple(wanted), frozenset(feeds))
        missing = [name for name in plan.arguments if name not in feeds]
        if missing:
            raise ModelError(f"no value is given for the model's input {missing[0]!r}", "feed every one of `inputs`")
        journal = Journal()
        arguments = [self._taken(feeds[name]) for name in plan.arguments]
        if plan.ran:
            values = plan(journal, arguments)
        else:
            with MemoryGuard(sane_bytes()):
                values = plan(journal, arguments)
            plan.ran = True
        return Run(dict(zip(wanted, values, strict=True)), tuple(journal.ended), tuple(journal.straight_through))

    def operation_differences(
        self, feeds: Mapping[str, Any], theirs: Mapping[str, FloatArray]
    ) -> Iterator[tuple[str, float]]:
        """Each node computed from `theirs`, what another runtime gave for these feeds, and held against it."""
        taken = {name: self._taken(value) for name, value in feeds.items()}
        with torch.no_grad():
            yield from operation_differences(self._graph(frozenset()), taken, theirs, self.device)

    def coverage(self) -> dict[str, Counter[Tier]]:
        """What computes each operator (`Conv`, `com.microsoft::Gelu`) and how many nodes of it, bodies included."""
        return tier_counts(self._source)

    def _fold(self) -> None:
        self._graphs: dict[frozenset[str] | None, Graph] = {}
        self._plans: dict[tuple[tuple[str, ...], frozenset[str]], Plan] = {}
        self._graph(frozenset())

    def _graph(self, varying: frozenset[str] | None) -> Graph:
        """The graph folded, but for what follows from these inputs; with None, as it is in the file."""
        if varying not in self._graphs:
            graph = self._source if varying is None else folded(self._source, {*self.inputs, *varying})
            self._graphs[varying] = _moved(graph, self.device)
        return self._graphs[varying]

    def _plan(self, wanted: tuple[str, ...], fed: frozenset[str]) -> Plan:
        """The plan for these tensors. An input that is fed though the file has a default for it takes the feed."""
        plan = self._plans.get((wanted, fed))
        if plan is None:
            _check_names("input", fed, self._source.inputs)
            _check_names("tensor", wanted, [*self._source.inputs, *self._source.constants, *self.tensor_names])
            graph = self._graph(fed.difference(self.inputs))
            if not _holds(graph, wanted):  # something that was folded away
                graph = self._graph(None)
            needed = needed_inputs(graph, wanted)
            arguments = [name for name in graph.inputs if name in needed and (name in fed or name in self.inputs)]
            plan = self._plans[wanted, fed] = Plan(graph, wanted, arguments)
        return plan

    def _taken(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.to(self.types.computed(value.dtype))
        return [self._taken(item) for item in value] if isinstance(value, list | tuple) else value


def _check_names(kind: str, names: Collection[str], known: Iterable[str]) -> None:
    known = set(known)
    for name in names:
        if name not in known:
            raise UnknownName(kind, name, known)


def _holds(graph: Graph, wanted: Iterable[str]) -> bool:
    made = {name for node in graph.nodes for name in node.outputs}
    return all(name in made or name in graph.constants or name in graph.inputs for name in wanted)


def _moved(graph: Graph, device: torch.device) -> Graph:
    return graph.mapped(lambda value: value.to(device) if isinstance(value, Tensor) else value)
