"""Operations on the bits of integers."""

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import Unsupported, operator
from viz.adapters.onnx_torch.operators._unsigned import via_int64


@operator("BitwiseAnd")
@via_int64()
def bitwise_and(node: Node, a: Tensor, b: Tensor) -> Tensor:
    """Bits set in both."""
    return torch.bitwise_and(a, b)


@operator("BitwiseOr")
@via_int64()
def bitwise_or(node: Node, a: Tensor, b: Tensor) -> Tensor:
    """Bits set in one or both."""
    return torch.bitwise_or(a, b)


@operator("BitwiseXor")
@via_int64()
def bitwise_xor(node: Node, a: Tensor, b: Tensor) -> Tensor:
    """Bits set in one only."""
    return torch.bitwise_xor(a, b)


@operator("BitwiseNot")
@via_int64()
def bitwise_not(node: Node, x: Tensor) -> Tensor:
    """Bits turned round."""
    return torch.bitwise_not(x)


@operator("BitShift")
def bit_shift(node: Node, x: Tensor, amount: Tensor, direction: str = "") -> Tensor:
    """x moved by `amount` bits, LEFT or RIGHT; what leaves its type is lost."""
    if direction == "LEFT":
        return _shifted_left(node, x, amount)
    if direction == "RIGHT":
        return _shifted_right(node, x, amount)
    raise Unsupported(f"BitShift with direction {direction!r}")


@via_int64()
def _shifted_left(node: Node, x: Tensor, amount: Tensor) -> Tensor:
    return torch.bitwise_left_shift(x, amount)


@via_int64(ordered=True)  # int64 shifts its sign in from the left
def _shifted_right(node: Node, x: Tensor, amount: Tensor) -> Tensor:
    return torch.bitwise_right_shift(x, amount)
