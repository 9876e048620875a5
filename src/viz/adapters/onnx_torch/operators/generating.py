"""Tensors made from sizes and numbers: ConstantOfShape EyeLike Range. (Constant is the graph's own matter.)"""

import math

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator
from viz.adapters.onnx_torch.operators._reading import integers


@operator("ConstantOfShape")
def constant_of_shape(node: Node, shape: Tensor, value: Tensor | None = None) -> Tensor:
    """A tensor of this shape full of one value, 0 in float32 if none is given."""
    value = torch.zeros(1) if value is None else value
    return value.to(shape.device).reshape(()).expand(integers(node, 0, shape))


@operator("EyeLike")
def eye_like(node: Node, x: Tensor, k: int = 0, dtype: int | None = None) -> Tensor:
    """A matrix in the shape of x with ones on diagonal number k."""
    rows, columns = (torch.arange(size, device=x.device) for size in x.shape)
    return (columns - rows[:, None] == k).to(x.dtype if dtype is None else node.types.dtype(dtype))


@operator("Range")
def range_(node: Node, start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    """start, start + delta, … as long as the limit is not reached, in the type of start."""
    if start.is_floating_point():
        start, step = start.double(), delta.double()
        count = max(0, math.ceil((limit.double() - start).item() / step.item()))
        return (start + torch.arange(count, device=start.device) * step).to(limit.dtype)
    count = len(range(int(start), int(limit), int(delta)))
    return (start + torch.arange(count, device=start.device) * delta).to(start.dtype)
