"""From one element type to another: Cast CastLike BitCast, and Identity."""

from typing import Any

import torch
from onnx import TensorProto
from torch import Tensor

from viz.adapters.onnx_torch.element_types import FLOAT8, ElementTypes
from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import Unsupported, operator


@operator("Identity")
def identity(node: Node, x: Any) -> Any:
    """x, be it a tensor, a sequence or nothing."""
    return x


@operator("Cast")
def cast_by_name(node: Node, x: Tensor, to: str = "") -> Tensor:
    """x in the element type called `to`, such as FLOAT."""
    return converted(x, node.types.dtype(TensorProto.DataType.Value(to)))


@operator("Cast", since=6)
def cast(node: Node, x: Tensor, to: int = 0, saturate: int = 1, round_mode: str = "up") -> Tensor:
    """x in the element type numbered `to`. `round_mode` speaks of float8e8m0 only, which torch does not hold."""
    return converted(x, node.types.dtype(to), bool(saturate))


@operator("CastLike")
def cast_like(node: Node, x: Tensor, example: Any, saturate: int = 1, round_mode: str = "up") -> Tensor:
    """x in the element type of the example."""
    if not isinstance(example, Tensor):
        raise Unsupported("CastLike an element type that torch does not hold")
    return converted(x, example.dtype, bool(saturate))


@operator("BitCast")
def bit_cast(node: Node, x: Tensor, to: int = 0) -> Tensor:
    """The bits of x read as another type of the same width."""
    dtype = ElementTypes(native=True).dtype(to)
    if x.element_size() != dtype.itemsize:
        raise Unsupported("the bits of a half precision number that is computed in float32")
    if torch.bool in (x.dtype, dtype):
        x = x.view(torch.uint8)
        return x != 0 if dtype == torch.bool else x.view(dtype)
    return x.view(dtype).to(node.types.computed(dtype))


def converted(x: Tensor, dtype: torch.dtype, saturate: bool = True) -> Tensor:
    """x in another dtype. Float8 takes the nearest finite value for what is too large; without `saturate`:
    `Unsupported`, since torch and ONNX disagree about what overflows."""
    if dtype == x.dtype:
        return x
    if x.dtype in FLOAT8:
        x = x.float()
    return _saturated(x, dtype, saturate).to(dtype) if dtype in FLOAT8 else x.to(dtype)


def _saturated(x: Tensor, dtype: torch.dtype, saturate: bool) -> Tensor:
    if not saturate:
        raise Unsupported("float8 without saturation")
    x = x if x.is_floating_point() else x.float()
    largest = torch.full((), torch.finfo(dtype).max, dtype=x.dtype, device=x.device)
    return torch.maximum(torch.minimum(x, largest), -largest)
