"""Clip: values cut at a lower and an upper bound."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator
from viz.adapters.onnx_torch.operators._reading import is_constant, prepared
from viz.adapters.onnx_torch.operators._unsigned import via_int64

Bound = Tensor | float | None


@operator("Clip")
@via_int64(ordered=True)
def clip(
    node: Node,
    x: Tensor,
    min: Bound = None,  # noqa: A002  (the operator's name for it)
    max: Bound = None,  # noqa: A002
    consumed_inputs: Any = None,
) -> Tensor:
    """x, no lower than min and no higher than max; max if they cross. Bounds are attributes before opset 11."""
    lower, upper = _known(node, 1, min), _known(node, 2, max)
    if isinstance(lower, Tensor) or isinstance(upper, Tensor):
        return _between_tensors(x, lower, upper)
    if lower is None and upper is None:
        return x
    if lower == 0 and upper == 6 and x.is_floating_point():
        return functional.relu6(x)
    return torch.clamp(x, lower, upper)


def _known(node: Node, index: int, bound: Bound) -> Bound:
    """The bound as a number where the graph fixes it."""
    if isinstance(bound, Tensor) and is_constant(node, index):
        number: float = prepared(node, index, bound.item)
        return number
    return bound


def _between_tensors(x: Tensor, lower: Bound, upper: Bound) -> Tensor:
    """Bounds that the model computes; a gradient may flow into them."""
    if lower is not None:
        x = torch.maximum(x, torch.as_tensor(lower, dtype=x.dtype, device=x.device))
    if upper is not None:
        x = torch.minimum(x, torch.as_tensor(upper, dtype=x.dtype, device=x.device))
    return x
