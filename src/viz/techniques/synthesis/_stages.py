"""A network's stages: runs of layers that begin with a convolution, a pool, a sum or the like, each with its result."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from viz.core.adapter import Adapter
from viz.core.errors import NotSupported
from viz.core.layer import Layer

_WEIGHTED = ("conv", "gemm", "matmul", "linear", "einsum", "attention")
_JOINS = frozenset({"add", "add_", "iadd", "sum", "concat", "cat", "concatenate", "stack"})
_SQUASHES = ("softmax", "logsoftmax", "log_softmax")


@dataclass(frozen=True)
class Traced:
    """What a layer turned out to be for a picture of noise; `problem` says why it cannot be inverted."""

    problem: str
    mark: tuple[float, ...] = ()  # the same for layers that hold the same values in whatever arrangement


def stages(model: Adapter) -> list[str]:
    """The last new values of each stage, in order: past normalisation and activation, before reshapes and copies.

    Layers that cannot be inverted are no part of it, nor is what comes before the first stage (a transpose of the
    input), nor a summand that the next layer adds up or joins.
    """
    seen: set[tuple[float, ...]] = set()
    found: list[str] = []
    begun = False
    for name, one in traced(model, list(model.layers)).items():
        layer = model.layers[name]
        begun = begun or begins(layer)
        if one.problem or one.mark in seen or not begun:
            continue
        seen.add(one.mark)
        if found and (layer.op.lower() in _JOINS or not begins(layer)):
            found.pop()  # it goes on in this layer
        found.append(name)
    return found


def begins(layer: Layer) -> bool:
    """Whether a stage begins with this layer."""
    op = layer.op.lower()
    if op.startswith(_SQUASHES):
        return _is_vector(layer)  # of classes: scores and probabilities are two things; in attention, a step
    if "quantize" in op:
        return False
    return bool(layer.macs) or "pool" in op or op in _JOINS or any(part in op for part in _WEIGHTED)


def traced(model: Adapter, names: Sequence[str]) -> dict[str, Traced]:
    """What each layer is for noise, as the gradient pass shows it; each half by itself where it cannot show all."""
    noise = torch.rand((1, 3, *model.size), generator=torch.Generator().manual_seed(0)).requires_grad_()
    try:
        with torch.enable_grad():
            values = model.trace(noise, names).values
    except NotSupported as problem:
        if len(names) == 1:
            return {names[0]: Traced(problem.problem)}
        middle = len(names) // 2
        return {**traced(model, names[:middle]), **traced(model, names[middle:])}
    return {name: _traced(values[name]) for name in names}


def _is_vector(layer: Layer) -> bool:
    return layer.shape is None or sum(size != 1 for size in layer.shape[1:]) <= 1


def _traced(values: Tensor) -> Traced:
    if values.numel() == 0:
        return Traced("it is empty")
    if not values.requires_grad:
        return Traced("no gradient reaches the pixels from it")
    return Traced("", _mark(values.detach()))


def _mark(values: Tensor) -> tuple[float, ...]:
    """Count, sum, sum of squares, least and largest: sums in float64, whose rounding is cut off."""
    wide = values.double()
    sums = (wide.sum(), wide.square().sum(), wide.min(), wide.max())
    return (float(values.numel()), *(float(f"{float(one):.10e}") for one in sums))
