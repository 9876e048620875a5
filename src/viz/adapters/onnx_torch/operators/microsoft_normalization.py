"""Normalizations of onnxruntime's own domain: with the skip connection before them, with channels last."""

import torch
from torch import Tensor
from torch.nn import functional

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import MICROSOFT, Unsupported, operator

Outputs = tuple[Tensor, None, None, Tensor]  # the mean and the deviation are outputs for training


@operator("SkipLayerNormalization", domain=MICROSOFT)
def skip_layer_normalization(
    node: Node,
    x: Tensor,
    skip: Tensor,
    gamma: Tensor,
    beta: Tensor | None = None,
    bias: Tensor | None = None,
    epsilon: float = 1e-12,
) -> Outputs:
    """LayerNormalization of x + skip + bias over the last axis; also gives the sum."""
    total = _sum(node, x, skip, bias)
    return functional.layer_norm(total, gamma.shape, gamma, beta, epsilon), None, None, total


@operator("SkipSimplifiedLayerNormalization", domain=MICROSOFT)
def skip_rms_normalization(
    node: Node, x: Tensor, skip: Tensor, gamma: Tensor, bias: Tensor | None = None, epsilon: float = 1e-12
) -> Outputs:
    """x + skip + bias over its root mean square along the last axis; also gives the sum."""
    total = _sum(node, x, skip, bias)
    inverse = (total.square().mean(-1, keepdim=True) + epsilon).rsqrt()
    return total * inverse * gamma, None, None, total


@operator("GroupNorm", domain=MICROSOFT)
def group_norm(
    node: Node,
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    *,
    groups: int,
    activation: int,
    channels_last: int = 1,
    epsilon: float = 1e-5,
) -> Tensor:
    """GroupNormalization of x (b, h, w, c), or (b, c, h, w) without channels_last; then SiLU where activation is 1."""
    if channels_last:
        x = x.movedim(-1, 1).contiguous()  # torch's kernel takes no other layout inside vmap
    found = functional.group_norm(x, groups, gamma, beta, epsilon)
    found = functional.silu(found) if activation else found
    return found.movedim(1, -1) if channels_last else found


@operator("SkipGroupNorm", domain=MICROSOFT)
def skip_group_norm(
    node: Node,
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    skip: Tensor,
    bias: Tensor | None = None,
    *,
    groups: int,
    activation: int,
    channels_last: int = 1,
    epsilon: float = 1e-5,
) -> tuple[Tensor, Tensor]:
    """GroupNorm of x + skip + bias; also gives the sum. skip may be (b, c): one value for each channel."""
    places = (1, 1) if channels_last else (-1, 1, 1)
    if skip.dim() == 2:
        skip = skip[:, None, None, :] if channels_last else skip[:, :, None, None]
    if bias is not None:
        skip = skip + (bias if channels_last else bias.reshape(places))
    total = torch.add(x, skip)
    attributes = {"groups": groups, "activation": activation, "channels_last": channels_last}
    return group_norm(node, total, gamma, beta, epsilon=epsilon, **attributes), total


def _sum(node: Node, x: Tensor, skip: Tensor, bias: Tensor | None) -> Tensor:
    if any(node.outputs[1:3]):
        raise Unsupported("the outputs of SkipLayerNormalization for training")
    total = torch.add(x, skip)
    return total if bias is None else torch.add(total, bias)
