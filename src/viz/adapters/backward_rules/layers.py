"""Layers with weights, as relevance passes them: which operand is what, and the rules that need to know.

All rules have one form: an input gets its part of what each output got, in proportion to its contribution
(Montavon et al. 2019, "Layer-wise relevance propagation: an overview", section 10.2).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from viz.adapters.backward_rules.operation import Operation, depends_on_image
from viz.adapters.backward_rules.steps import contributing, sharing, with_path


class Operand(NamedTuple):
    """Where an operation takes an operand: its place, and the names that it may be given by."""

    place: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Layer:
    """An operation that is linear in `x`, with a constant weight and bias. `operands` says where they are."""

    op: Operation
    operands: tuple[Operand, Operand, Operand | None]
    x: Tensor
    weight: Tensor
    bias: Tensor | None

    @property
    def is_convolution(self) -> bool:
        """Transposed ones included."""
        return "conv" in self.op.name

    @property
    def has_outputs_first(self) -> bool:
        """The first axis of its weight counts its output channels."""
        return self.op.name in ("conv1d", "conv2d", "conv3d", "linear")

    def on(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """What it gives for other operands; no bias counts as zeros."""
        op = self.op
        values = (x, weight, torch.zeros_like(self.bias) if bias is None and self.bias is not None else bias)
        for operand, value in zip(self.operands, values, strict=True):
            if operand is not None and value is not None:
                op = op.with_argument(value, operand.place, *operand.names)
        found: Tensor = op()
        return found


def layer(op: Operation) -> Layer | None:
    """The operation as a layer; None where it is none, or where its weights follow from the image."""
    for operands in _operands(op.name):
        x, weight, bias = (None if o is None else op.argument(o.place, *o.names) for o in operands)
        if not (isinstance(x, Tensor) and isinstance(weight, Tensor)) or depends_on_image(bias):
            continue
        if depends_on_image(x) and not depends_on_image(weight):
            return Layer(op, operands, x, weight, bias)
    return None


def summed(op: Operation) -> Tensor:
    """LRP-epsilon, eq. 10.2 there, for any operation that is linear in all its image-dependent operands together.

    Constants keep their part of the relevance, and epsilon a little more.
    """
    found: Tensor = op.mapped(lambda tensor: contributing(tensor) if depends_on_image(tensor) else tensor)()
    return sharing(found)


def epsilon(found: Layer, value: Tensor) -> Tensor:
    """LRP-epsilon for a layer whose result is `value`; the bias keeps its part of the relevance."""
    return with_path(sharing(found.on(contributing(found.x), found.weight, found.bias)), value)


def plus(found: Layer, value: Tensor) -> Tensor:
    """Positive contributions only: LRP-alpha-beta, eq. 10.10 there, with alpha 1 and beta 0.

    For inputs of at least 0 this is the z-plus rule; of negative inputs it counts those with negative weights.
    """
    x, weight, bias = found.x, found.weight, found.bias
    positive = found.on(contributing(_above(x)), weight.clamp(min=0), None if bias is None else bias.clamp(min=0))
    negative = found.on(contributing(_below(x)), weight.clamp(max=0), None)
    return with_path(sharing(positive + negative), value)


def flat(found: Layer, value: Tensor) -> Tensor:
    """Every input of an output gets the same: LRP-flat, Lapuschkin et al. 2019, arXiv 1902.10178, methods."""
    ones = with_path(found.x, torch.ones_like(found.x))
    return with_path(sharing(found.on(ones, torch.ones_like(found.weight), None)), value)


def scaled(found: Layer, scale: Tensor, shift: Tensor) -> Layer:
    """A layer and the normalization of its output channels as one layer; not for transposed convolutions."""
    weight = found.weight * scale.reshape(-1, *[1] * (found.weight.ndim - 1))
    if found.bias is None:
        return replace(found, weight=weight, bias=shift)
    return replace(found, weight=weight, bias=found.bias * scale + shift)


def _above(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.0)


def _below(x: Tensor) -> Tensor:
    return torch.where(x < 0, x, 0.0)


def _operands(name: str) -> Iterable[tuple[Operand, Operand, Operand | None]]:
    """The ways in which an operation may be a layer."""
    x = Operand(0, ("input", "self"))
    if name in _CONVOLUTIONS or name == "linear":
        yield x, Operand(1, ("weight",)), Operand(2, ("bias",))
    elif name == "addmm":
        yield Operand(1, ("mat1",)), Operand(2, ("mat2",)), x
    elif name in ("matmul", "mm"):
        other = Operand(1, ("other", "mat2"))
        yield x, other, None
        yield other, x, None


_CONVOLUTIONS = frozenset(f"conv{t}{d}d" for t in ("", "_transpose") for d in (1, 2, 3)) | {"convolution"}
