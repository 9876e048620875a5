"""Multiply-accumulate operations of torch operations, from the tensors that go in and come out."""

import math
from collections.abc import Callable

from torch import Tensor


def macs_of(op: str, inputs: list[Tensor], outputs: list[Tensor]) -> int | None:
    """For the whole batch: 0 for operations that sum no products, None for those that have no formula here.

    Inputs are in the order of torch.nn.functional: the image first, then the weight.
    """
    counted = _CONTRACTIONS.get(op)
    if counted is None:
        return None if op in _NOT_COUNTED else 0
    # Quantized operations hold their weights in objects of their own.
    return counted(inputs, outputs[0]) if outputs and len(inputs) > 1 else None


def _convolution(inputs: list[Tensor], result: Tensor) -> int:
    return result.numel() * math.prod(inputs[1].shape[1:])


def _transposed_convolution(inputs: list[Tensor], result: Tensor) -> int:
    return inputs[0].numel() * math.prod(inputs[1].shape[1:])


def _product(inputs: list[Tensor], result: Tensor) -> int:
    return result.numel() * inputs[0].shape[-1]


def _product_and_sum(inputs: list[Tensor], result: Tensor) -> int:
    """inputs[0] + inputs[1] @ inputs[2]"""
    return result.numel() * inputs[1].shape[-1]


def _attention(inputs: list[Tensor], result: Tensor) -> int:
    """Queries by keys, then weights by values."""
    queries, keys = inputs[0], inputs[1]
    weights = math.prod(queries.shape[:-1]) * keys.shape[-2]
    return weights * (queries.shape[-1] + result.shape[-1])


def _multi_head_attention(inputs: list[Tensor], result: Tensor) -> int:
    """As above, and four projections; queries, keys, values are (length, batch, features)."""
    queries, keys, values = inputs[:3]
    projected = 2 * queries.numel() + keys.numel() + values.numel()
    return projected * queries.shape[-1] + 2 * queries.numel() * keys.shape[0]


_CONTRACTIONS: dict[str, Callable[[list[Tensor], Tensor], int]] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "convolution"), _convolution),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _transposed_convolution),
    **dict.fromkeys(("linear", "matmul", "mm", "bmm"), _product),
    **dict.fromkeys(("addmm", "baddbmm"), _product_and_sum),
    "scaled_dot_product_attention": _attention,
    "multi_head_attention_forward": _multi_head_attention,
}

_NOT_COUNTED = frozenset(
    "bilinear deform_conv2d einsum flex_attention gru inner lstm rnn_relu rnn_tanh tensordot TorchScript".split()
)
