"""Activations of onnxruntime's own domain, some with the bias that stood before them."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import MICROSOFT, operator


@operator("Gelu", "BiasGelu", domain=MICROSOFT)
def gelu(node: Node, x: Tensor, bias: Tensor | None = None) -> Tensor:
    """GELU of x + bias, exactly."""
    return functional.gelu(_plus(x, bias))


@operator("FastGelu", domain=MICROSOFT)
def fast_gelu(node: Node, x: Tensor, bias: Tensor | None = None) -> Tensor:
    """GELU of x + bias, by the approximation with tanh."""
    return functional.gelu(_plus(x, bias), approximate="tanh")


@operator("QuickGelu", domain=MICROSOFT)
def quick_gelu(node: Node, x: Tensor, alpha: float = 1.702) -> Tensor:
    """x · sigmoid(alpha x)."""
    return functional.silu(x) if alpha == 1 else x * torch.sigmoid(alpha * x)


@operator("BiasSplitGelu", domain=MICROSOFT)
def bias_split_gelu(node: Node, x: Tensor, bias: Tensor) -> Tensor:
    """The first half of the channels of x + bias, gated by the GELU of the second half."""
    values, gate = torch.add(x, bias).chunk(2, -1)
    return values * functional.gelu(gate)


@operator("BiasAdd", domain=MICROSOFT)
def bias_add(node: Node, x: Tensor, bias: Tensor, skip: Tensor) -> Tensor:
    """x + bias + skip."""
    return torch.add(torch.add(x, bias), skip)


@operator("BiasSoftmax", domain=MICROSOFT)
def bias_softmax(node: Node, x: Tensor, bias: Tensor, *, axis: int = 1, is_inner_broadcast: int) -> Tensor:
    """Softmax of x + bias over the axes from `axis` on, taken as one.

    `is_inner_broadcast` tells kernels over which axes the bias repeats; its shape says it, as for Add.
    """
    total = torch.add(x, bias)
    rows = math.prod(total.shape[: axis % total.dim()])
    return torch.softmax(total.reshape(rows, -1), 1).reshape(total.shape)


def _plus(x: Tensor, bias: Tensor | None) -> Tensor:
    return x if bias is None else torch.add(x, bias)
