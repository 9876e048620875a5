"""Gradients of targets with respect to pixels: one forward and one backward pass for a batch of images."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from viz.core.adapter import FORWARD_ONLY, Adapter, Edge, Rule, Trace
from viz.core.batching import in_batches
from viz.core.errors import NotSupported
from viz.core.result import FloatArray
from viz.core.target import Target
from viz.core.torch_errors import torch_errors

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Gradients:
    """What a backward pass gave.

    Attributes:
        values: each image's target, (b,).
        pixels: its derivative with respect to each pixel value in [0, 1], (b, 3, h, w).
        layers: its derivative with respect to layers that were asked for, each (b, …).
        activations: the values of those layers, each (b, …).
        changed: operations whose backward the rule changed (`Trace.changed`).
        straight_through: operations that the gradient passed as if they were not there.
    """

    values: FloatArray
    pixels: FloatArray
    layers: Mapping[str, FloatArray] = field(default_factory=dict)
    activations: Mapping[str, FloatArray] = field(default_factory=dict)
    changed: Mapping[str, int] = field(default_factory=dict)
    straight_through: tuple[str, ...] = ()


def input_gradients(
    model: Adapter,
    images: FloatArray,
    targets: Sequence[Target],
    rule: Rule = "plain",
    layers: Sequence[str] = (),
    pixels: bool = True,
) -> Gradients:
    """The gradient of each image's target, for images (b, 3, h, w) and one target each.

    With `layers`, also the gradient with respect to these inner tensors and their values; with `pixels` off,
    only that, which saves the way back below them (`Gradients.pixels` is zero then). Batches are split until
    they fit. Raises `NotSupported` where no gradient reaches the pixels, naming where the path ends.
    """

    def piece(start: int, stop: int) -> Gradients:
        return _gradients(model, images[start:stop], targets[start:stop], rule, layers, pixels)

    return _joined(in_batches(model, len(images), piece))


def traced_values(model: Adapter, images: FloatArray, targets: Sequence[Target]) -> FloatArray:
    """Each image's target (b,) as the gradient pass computes it, without taking a gradient."""
    import torch

    def piece(start: int, stop: int) -> FloatArray:
        wanted = tuple(dict.fromkeys(name for target in targets[start:stop] for name in target.layers))
        with torch.no_grad():
            trace = model.trace(torch.from_numpy(np.array(images[start:stop], np.float32)), wanted)
            return _array(total_of(targets[start:stop], trace.values))

    return np.concatenate(in_batches(model, len(images), piece))


def traced_layers(model: Adapter, images: FloatArray, layers: Sequence[str]) -> dict[str, FloatArray]:
    """Values of layers as the gradient pass computes them, without taking a gradient."""
    import torch

    with torch.no_grad():
        trace = model.trace(torch.from_numpy(np.array(images, np.float32)), layers)
    return {name: _array(trace.values[name]) for name in layers}


def total_of(targets: Sequence[Target], values: Mapping[str, "Tensor"]) -> "Tensor":
    """Each image's target, (b,), with autograd: image i is read with target i."""
    import torch

    if all(target == targets[0] for target in targets):
        found: Tensor = targets[0].read(values)
        return found
    rows = [target.read({n: v[i : i + 1] for n, v in values.items()}) for i, target in enumerate(targets)]
    return torch.cat(rows)


def gradients_at(total: "Tensor", edges: Sequence[Edge]) -> "list[Tensor | None]":
    """The gradient of a number with respect to each of `edges`, batch first; None where it does not follow from one."""
    import torch

    if not total.requires_grad:
        return [None] * len(edges)
    sources = [source for edge in edges for source in _sources(edge)]
    # A layer that does not follow from the pixels, such as a transformer's class token, has no place in the graph.
    connected = [source for source in sources if getattr(source, "requires_grad", True)]
    given = iter(torch.autograd.grad(total, connected, allow_unused=True)) if connected else iter(())
    found = iter([next(given) if getattr(source, "requires_grad", True) else None for source in sources])
    return [_gathered(edge, found) for edge in edges]


def _sources(edge: Edge) -> list[Any]:
    return [source for piece in edge.pieces for source in _sources(piece)] if edge.pieces else [edge.source]


def _gathered(edge: Edge, found: "Iterator[Tensor | None]") -> "Tensor | None":
    """The gradient at an edge from those at its sources, which come in order."""
    import torch

    if not edge.pieces:
        gradient = next(found)
        return None if gradient is None else edge.arrange(gradient)
    parts = [_gathered(piece, found) for piece in edge.pieces]
    given = [part for part in parts if part is not None]
    if not given:
        return None
    return torch.cat([torch.zeros_like(given[0]) if part is None else part for part in parts])


def check_path(model: Adapter, total: "Tensor", trace: Trace) -> None:
    """Raise `NotSupported` where `total` does not depend on the images in a differentiable way."""
    if total.requires_grad:
        return
    where = f"the path ends at {', '.join(trace.ended[:3])}" if trace.ended else "nothing on the path has a gradient"
    raise NotSupported(f"no gradient of this target reaches the pixels of {model.source.name}: {where}", FORWARD_ONLY)


def summed_up(operations: Sequence[str]) -> str:
    """`3 QuantizeLinear, 2 Round` from labels that begin with the operator."""
    counts: dict[str, int] = {}
    for label in operations:
        kind = label.split(" '")[0]
        counts[kind] = counts.get(kind, 0) + 1
    return ", ".join(kind if count == 1 else f"{count} {kind}" for kind, count in counts.items())


def _gradients(
    model: Adapter, images: FloatArray, targets: Sequence[Target], rule: Rule, layers: Sequence[str], to_pixels: bool
) -> Gradients:
    import torch

    pixels = torch.from_numpy(np.array(images, np.float32)).requires_grad_()
    wanted = tuple(dict.fromkeys([*(name for target in targets for name in target.layers), *layers]))
    trace = model.trace(pixels, wanted, rule)
    values = total_of(targets, trace.values)
    check_path(model, values, trace)
    edges = [*([Edge(pixels)] if to_pixels else []), *(trace.edge(name) for name in layers)]
    with torch_errors(model.source.name):
        # The images are independent, so the gradient of the sum holds each image's own.
        found = gradients_at(values.sum(), edges)
    of_pixels, inner = (found[0], found[1:]) if to_pixels else (None, found)
    of_layers = {
        name: np.zeros(trace.values[name].shape, np.float32) if gradient is None else _array(gradient)
        for name, gradient in zip(layers, inner, strict=True)
    }
    return Gradients(
        _array(values),
        np.zeros(images.shape, np.float32) if of_pixels is None else _array(of_pixels),
        of_layers,
        {name: _array(trace.values[name]) for name in layers},
        trace.changed,
        trace.straight_through,
    )


def _array(tensor: "Tensor") -> FloatArray:
    array: FloatArray = tensor.detach().float().cpu().numpy()
    return array


def _joined(pieces: Sequence[Gradients]) -> Gradients:
    if len(pieces) == 1:
        return pieces[0]

    def all_of(of: Callable[[Gradients], Mapping[str, FloatArray]]) -> dict[str, FloatArray]:
        return {name: np.concatenate([of(piece)[name] for piece in pieces]) for name in of(pieces[0])}

    return Gradients(
        np.concatenate([piece.values for piece in pieces]),
        np.concatenate([piece.pixels for piece in pieces]),
        all_of(lambda piece: piece.layers),
        all_of(lambda piece: piece.activations),
        pieces[0].changed,
        pieces[0].straight_through,
    )
