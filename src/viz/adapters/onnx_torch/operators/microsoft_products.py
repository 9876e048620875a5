"""Convolutions and matrix products that onnxruntime's optimizer fused with what surrounds them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import MICROSOFT, operator
from viz.adapters.onnx_torch.operators._fused_activation import activated
from viz.adapters.onnx_torch.operators.convolution import conv
from viz.adapters.onnx_torch.operators.matrix_products import gemm


@operator("FusedConv", domain=MICROSOFT)
def fused_conv(
    node: Node,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    z: Tensor | None = None,
    activation: str = "",
    activation_params: Sequence[float] = (),
    **attributes: Any,
) -> Tensor:
    """Conv, plus z (a skip connection), then the activation."""
    found = conv(node, x, weight, bias, **attributes)
    return activated(node, found if z is None else torch.add(found, z), activation, activation_params)


@operator("NhwcConv", "NhwcFusedConv", domain=MICROSOFT)
def nhwc_fused_conv(
    node: Node,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    z: Tensor | None = None,
    **attributes: Any,
) -> Tensor:
    """As FusedConv with channels last, in the weights too: x (b, h, w, c), weight (out, kh, kw, c / group)."""
    skip = None if z is None else z.movedim(-1, 1)
    return fused_conv(node, x.movedim(-1, 1), weight.movedim(-1, 1), bias, skip, **attributes).movedim(1, -1)


@operator("FusedGemm", domain=MICROSOFT)
def fused_gemm(
    node: Node,
    a: Tensor,
    b: Tensor,
    c: Tensor | None = None,
    activation: str = "",
    activation_alpha: float | None = None,
    activation_beta: float | None = None,
    activation_gamma: float | None = None,
    **attributes: Any,
) -> Tensor:
    """Gemm, then the activation."""
    second = activation_gamma if activation == "Selu" else activation_beta
    return activated(node, gemm(node, a, b, c, **attributes), activation, (activation_alpha, second))


@operator("FusedMatMul", "TransposeMatMul", domain=MICROSOFT)
def fused_matmul(
    node: Node,
    a: Tensor,
    b: Tensor,
    alpha: float = 1.0,
    transA: int = 0,  # noqa: N803  (attribute names are the operator's)
    transB: int = 0,  # noqa: N803
    transBatchA: int = 0,  # noqa: N803
    transBatchB: int = 0,  # noqa: N803
) -> Tensor:
    """alpha a b, each side transposed before: its last two axes, or its first axis moved behind the batch axes."""
    product = torch.matmul(_transposed(a, transA, transBatchA), _transposed(b, transB, transBatchB))
    return product if alpha == 1 else product * alpha


def _transposed(x: Tensor, last_two: int, batch: int) -> Tensor:
    if x.dim() < 2:
        return x
    x = x.movedim(0, -2) if batch else x
    return x.transpose(-1, -2) if last_two else x
