"""Quantized products and convolutions of onnxruntime's own domain; only MatMulNBits passes a gradient."""

from typing import Any

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import MICROSOFT, Unsupported, operator
from viz.adapters.onnx_torch.operators._quantized import laid_along, rounded_into
from viz.adapters.onnx_torch.operators._reading import is_constant, prepared
from viz.adapters.onnx_torch.operators.microsoft_attention import MASKED, projected_attention
from viz.adapters.onnx_torch.operators.quantized_products import (
    dynamically_quantized,
    integer_product,
    qlinear_conv,
)


@operator("QLinearConv", domain=MICROSOFT)
def qlinear_conv_any_layout(node: Node, x: Tensor, *inputs: Any, channels_last: int = 0, **attributes: Any) -> Tensor:
    """QLinearConv, with channels_last on x (b, h, w, c); the weights keep their layout."""
    if not channels_last:
        return qlinear_conv(node, x, *inputs, **attributes)
    return qlinear_conv(node, x.movedim(-1, 1), *inputs, **attributes).movedim(1, -1)


@operator("QGemm", domain=MICROSOFT)
def qgemm(
    node: Node,
    a: Tensor,
    a_scale: Tensor,
    a_zero_point: Tensor,
    b: Tensor,
    b_scale: Tensor,
    b_zero_point: Tensor,
    c: Tensor | None = None,
    y_scale: Tensor | None = None,
    y_zero_point: Tensor | None = None,
    alpha: float = 1.0,
    transA: int = 0,  # noqa: N803  (attribute names are the operator's)
    transB: int = 0,  # noqa: N803
) -> Tensor:
    """alpha (a b + c) of quantized numbers, quantized where a scale for it is given, else in float32."""
    a, b = (a.t() if transA else a), (b.t() if transB else b)
    total = integer_product(a, b, a_zero_point, b_zero_point)
    total = total if c is None else total + c.double()
    factor = alpha * a_scale * b_scale
    if y_scale is None:
        return total.float() * factor
    return rounded_into(total.float() * (factor / y_scale), y_zero_point)


@operator("MatMulIntegerToFloat", domain=MICROSOFT)
def matmul_integer_to_float(
    node: Node,
    a: Tensor,
    b: Tensor,
    a_scale: Tensor,
    b_scale: Tensor,
    a_zero_point: Tensor | None = None,
    b_zero_point: Tensor | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    """a b of quantized numbers as real numbers, plus the bias."""
    total = integer_product(a, b, a_zero_point, b_zero_point).float()
    product = total * (laid_along(a_scale, a, -2) * laid_along(b_scale, b, -1))
    return product if bias is None else product + bias


@operator("DynamicQuantizeMatMul", domain=MICROSOFT)
def dynamic_quantize_matmul(
    node: Node,
    a: Tensor,
    b: Tensor,
    b_scale: Tensor,
    b_zero_point: Tensor | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    """a, quantized by its own range, times the quantized b, plus the bias."""
    quantized, scale, zero_point = dynamically_quantized(a)
    return matmul_integer_to_float(node, quantized, b, scale, b_scale, zero_point, b_zero_point, bias)


@operator("QAttention", domain=MICROSOFT)
def qattention(
    node: Node,
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    x_scale: Tensor,
    weight_scale: Tensor,
    mask_index: Tensor | None = None,
    x_zero_point: Tensor | None = None,
    weight_zero_point: Tensor | None = None,
    past: Tensor | None = None,
    *,
    num_heads: int,
    unidirectional: int = 0,
    scale: float = 0.0,
    mask_filter_value: float = MASKED,
    do_rotary: int = 0,
    past_present_share_buffer: int = 0,
) -> tuple[Tensor, ...]:
    """com.microsoft Attention whose projection is a product of quantized numbers."""
    if do_rotary or past_present_share_buffer:
        raise Unsupported("QAttention with rotation or a shared cache")
    projected = matmul_integer_to_float(node, x, weight, x_scale, weight_scale, x_zero_point, weight_zero_point, bias)
    return projected_attention(
        node,
        projected,
        mask_index,
        past,
        attention_bias=None,
        num_heads=num_heads,
        sizes=None,
        scale=scale,
        causal=bool(unidirectional),
        hidden=mask_filter_value,
    )


@operator("MatMulNBits", domain=MICROSOFT)
def matmul_n_bits(
    node: Node,
    a: Tensor,
    b: Tensor,
    scales: Tensor,
    zero_points: Tensor | None = None,
    g_idx: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    K: int,  # noqa: N803  (attribute names are the operator's)
    N: int,  # noqa: N803
    block_size: int,
    bits: int = 4,
    accuracy_level: int = 0,
    weight_prepacked: int = 0,
) -> Tensor:
    """a (…, K) times a matrix whose columns are packed in blocks of small integers, (…, N). Gradients reach a.

    `accuracy_level` lets kernels round a too; this one never does.
    """
    if g_idx is not None or weight_prepacked:
        raise Unsupported("MatMulNBits with reordered or prepacked weights")

    def matrix() -> Tensor:
        return _unpacked(b, scales, zero_points, N, bits)[:, :K].t()

    fixed = is_constant(node, 2) and (zero_points is None or is_constant(node, 3))
    product = torch.matmul(a, prepared(node, 1, matrix) if fixed else matrix())
    return product if bias is None else torch.add(product, bias)


def _unpacked(b: Tensor, scales: Tensor, zero_points: Tensor | None, columns: int, bits: int) -> Tensor:
    """(columns, blocks, bytes) with the low bits first -> (columns, blocks · block size) in real numbers."""
    blocks = scales.numel() // columns
    numbers = _small_integers(b.reshape(columns, blocks, -1), bits).to(scales.dtype)
    if zero_points is None:
        offset = torch.full((columns, blocks, 1), 2.0 ** (bits - 1), dtype=scales.dtype, device=b.device)
    elif zero_points.dtype == torch.uint8:
        offset = _small_integers(zero_points.reshape(columns, -1), bits)[:, :blocks, None].to(scales.dtype)
    else:
        offset = zero_points.reshape(columns, blocks, 1)
    return ((numbers - offset) * scales.reshape(columns, blocks, 1)).flatten(1)


def _small_integers(packed: Tensor, bits: int) -> Tensor:
    """The unsigned integers in the bytes of the last axis, those in the low bits first."""
    if bits not in (2, 4, 8):
        raise Unsupported(f"integers of {bits} bits")
    shifts = torch.arange(0, 8, bits, device=packed.device, dtype=torch.int32)
    numbers: Tensor = (packed.to(torch.int32).unsqueeze(-1) >> shifts) & (2**bits - 1)
    return numbers.flatten(-2)
