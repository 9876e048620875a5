"""Gradients of targets with respect to pixels: one forward and one backward pass for a batch of images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from viz.core.adapter import FORWARD_ONLY, Adapter, Rule, Trace
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
) -> Gradients:
    """The gradient of each image's target, for images (b, 3, h, w) and one target each.

    With `layers`, also the gradient with respect to these inner tensors and their values. Batches are split
    until they fit. Raises `NotSupported` where no gradient reaches the pixels, naming where the path ends.
    """

    def piece(start: int, stop: int) -> Gradients:
        return _gradients(model, images[start:stop], targets[start:stop], rule, layers)

    return _joined(in_batches(model, len(images), piece))


def total_of(targets: Sequence[Target], values: Mapping[str, "Tensor"]) -> "Tensor":
    """Each image's target, (b,), with autograd: image i is read with target i."""
    import torch

    if all(target == targets[0] for target in targets):
        found: Tensor = targets[0].read(values)
        return found
    rows = [target.read({n: v[i : i + 1] for n, v in values.items()}) for i, target in enumerate(targets)]
    return torch.cat(rows)


def check_path(model: Adapter, total: "Tensor", trace: Trace) -> None:
    """Raise `NotSupported` where `total` does not depend on the images in a differentiable way."""
    if total.requires_grad:
        return
    where = f"the path ends at {', '.join(trace.ended[:3])}" if trace.ended else "nothing on the path has a gradient"
    raise NotSupported(f"no gradient of this target reaches the pixels of {model.source.name}: {where}", FORWARD_ONLY)


def _gradients(
    model: Adapter, images: FloatArray, targets: Sequence[Target], rule: Rule, layers: Sequence[str]
) -> Gradients:
    import torch

    pixels = torch.from_numpy(np.array(images, np.float32)).requires_grad_()
    wanted = tuple(dict.fromkeys([*(name for target in targets for name in target.layers), *layers]))
    trace = model.trace(pixels, wanted, rule)
    values = total_of(targets, trace.values)
    check_path(model, values, trace)
    inner = [trace.values[name] for name in layers]
    with torch_errors(model.source.name):
        # The images are independent, so the gradient of the sum holds each image's own.
        found = torch.autograd.grad(values.sum(), [pixels, *inner], allow_unused=True)
    pixel_gradient, *inner_gradients = (
        _array(g) if g is not None else np.zeros(t.shape, np.float32)
        for g, t in zip(found, [pixels, *inner], strict=True)
    )
    return Gradients(
        _array(values),
        pixel_gradient,
        dict(zip(layers, inner_gradients, strict=True)),
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
