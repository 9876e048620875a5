"""Layers of a torch model with their autograd graph back to the pixels; the model is left as it was."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from viz.adapters.backward_rules import applied, check_changed, check_seen, readable
from viz.adapters.pixel_encoding import encode
from viz.adapters.torch_module.batches import Place
from viz.adapters.torch_module.program import evaluating, not_computed
from viz.adapters.torch_module.runner import Runner, Table
from viz.adapters.torch_module.watch import Step
from viz.core.adapter import FORWARD_ONLY, Edge, Rule, Trace
from viz.core.errors import ModelError, NotSupported
from viz.core.torch_errors import torch_errors


def trace(runner: Runner, table: Table, pixels: Tensor, names: Collection[str], rule: Rule) -> Trace:
    """See `Adapter.trace`. A model that takes k images at a time is run in pieces, which are joined."""
    module = runner.program.module
    weights = [*module.parameters(), *module.buffers()]
    _refuse_inference_tensors(runner.name, pixels, weights)
    with _gradients_to_pixels(module, weights), torch_errors(runner.name), applied(rule, True) as changes:
        parts = torch.split(pixels.to(runner.device), table.at_a_time or max(1, len(pixels)))
        inside = rule != "plain" or not set(names) <= set(table.outputs)
        pieces = [_piece(runner, table, part, names, inside) for part in parts]
    check_changed(changes, rule, runner.name)
    check_seen([kept.value for piece in pieces for kept in piece.values()], rule, runner.name)
    by_name = {name: [piece[name] for piece in pieces] for name in names}
    values = {name: readable(_joined(name, kept), rule) for name, kept in by_name.items()}
    edges = {name: _edge(kept) for name, kept in by_name.items()}
    return Trace(values, dict(changes.counts), edges={name: edge for name, edge in edges.items() if edge})


@dataclass(frozen=True)
class _Kept:
    """A layer in the moment when it was made.

    Attributes:
        value: a copy, with its graph.
        place, count: where it keeps its images, and how many of them were asked for.
        edge: where in the graph a gradient to it is found.
        view, version: the tensor itself where it is a view of another, and its count of changes.
    """

    value: Tensor
    place: Place
    count: int
    edge: GradientEdge | None
    view: Tensor | None
    version: int

    def arranged(self, tensor: Tensor) -> Tensor:
        """The value, or a gradient of its shape, as `Adapter.run` gives it: batch first, float32, no fillers."""
        plain = tensor.dequantize() if tensor.is_quantized else tensor
        return self.place.in_front(plain)[: self.count].float()

    def is_overwritten(self) -> bool:
        """Autograd leads the gradient of a view that is written into past the view as it was."""
        return self.view is not None and self.view._version != self.version


@dataclass
class _Keeper:
    """Observes one run and keeps the layers `names` of the first `count` images."""

    names: Collection[str]
    places: Mapping[str, Place]
    count: int
    kept: dict[str, _Kept] = field(default_factory=dict)

    def __call__(self, step: Step) -> None:
        if not step.inner:
            self.kept.update((name, self._kept(name, tensor)) for name, tensor in step.tensors if name in self.names)

    def _kept(self, name: str, tensor: Tensor) -> _Kept:
        edge = get_gradient_edge(tensor) if tensor.requires_grad else None
        copy = tensor.clone()  # the model may go on in place
        return _Kept(copy, self.places[name], self.count, edge, tensor if tensor._is_view() else None, tensor._version)

    def checked(self) -> dict[str, _Kept]:
        """All of `names`; raises where one was not computed, or where its gradient cannot be had."""
        for name in self.names:
            if name not in self.kept:
                raise not_computed(name)
            if self.kept[name].is_overwritten():
                raise NotSupported(
                    f"{name!r} is a view that the model overwrites in place, past which its gradient would go",
                    "choose the layer that overwrites it, the next in `viz layers`",
                )
        return self.kept


def _piece(runner: Runner, table: Table, pixels: Tensor, names: Collection[str], inside: bool) -> dict[str, _Kept]:
    """Fewer images than the model takes at a time are filled up with copies of the last, as `Runner.values` does."""
    keeper = _Keeper(names, table.places, len(pixels))
    missing = (table.at_a_time or len(pixels)) - len(pixels)
    filled = torch.cat([pixels, *[pixels[-1:].detach()] * missing]) if missing else pixels
    runner.program(encode(filled, runner.preprocess).to(runner.dtype), keeper, inside)
    return keeper.checked()


def _joined(name: str, pieces: Sequence[_Kept]) -> Tensor:
    values = [kept.arranged(kept.value) for kept in pieces]
    if len({value.shape[1:] for value in values}) > 1:
        raise ModelError(f"{name!r} has another shape for every image", "choose another layer")
    return torch.cat(values) if len(values) > 1 else values[0]


def _edge(pieces: Sequence[_Kept]) -> Edge | None:
    """Where gradients to a layer are found; None where it has none."""
    edges = tuple(Edge(kept.edge, kept.arranged) for kept in pieces if kept.edge is not None)
    if len(edges) < len(pieces):
        return None
    return Edge(pieces=edges) if len(edges) > 1 else edges[0]


@contextmanager
def _gradients_to_pixels(module: nn.Module, weights: Sequence[Tensor]) -> Iterator[None]:
    """Evaluation mode, and gradients for the pixels alone: weights collect none, and cost nothing."""
    leaves = [tensor for tensor in weights if tensor.requires_grad and tensor.is_leaf]
    try:
        for tensor in leaves:
            tensor.requires_grad_(False)
        with evaluating(module):
            yield
    finally:
        for tensor in leaves:
            tensor.requires_grad_(True)


def _refuse_inference_tensors(name: str, pixels: Tensor, weights: Sequence[Tensor]) -> None:
    if torch.is_inference_mode_enabled() or pixels.is_inference():
        raise NotSupported("torch.inference_mode is on, and bars gradients", "leave it, or use torch.no_grad")
    if any(tensor.is_inference() for tensor in weights):
        raise NotSupported(
            f"the weights of {name} were made in torch.inference_mode, which bars gradients",
            f"load them outside of it, or copy the module outside of it: copy.deepcopy(model); {FORWARD_ONLY}",
        )
