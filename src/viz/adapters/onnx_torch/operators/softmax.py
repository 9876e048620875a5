"""Softmax, LogSoftmax and Hardmax: over one axis since opset 13, before that over all axes from one on."""

from collections.abc import Callable

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator


def _over_axis(name: str, compute: Callable[[Tensor, int], Tensor]) -> None:
    @operator(name)
    def over_all_from(node: Node, x: Tensor, axis: int = 1) -> Tensor:
        axis %= x.dim()
        if axis == x.dim() - 1:
            return compute(x, axis)
        return compute(x.flatten(axis), axis).reshape(x.shape)

    @operator(name, since=13)
    def over_one(node: Node, x: Tensor, axis: int = -1) -> Tensor:
        return compute(x, axis)


def _hardmax(x: Tensor, axis: int) -> Tensor:
    """1 at the first of the largest values, 0 elsewhere."""
    return torch.zeros_like(x).scatter(axis, x.argmax(axis, keepdim=True), 1)


_over_axis("Softmax", torch.softmax)
_over_axis("LogSoftmax", torch.log_softmax)
_over_axis("Hardmax", _hardmax)
