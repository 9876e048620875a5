"""Normalization by statistics: of a trained batch, or of each image, group, layer or position."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from viz.adapters.onnx_torch.element_types import HALF
from viz.adapters.onnx_torch.operator_table import operator
from viz.adapters.onnx_torch.operators._vmap import needs_gradient
from viz.adapters.onnx_torch.operators._windows import Ints
from viz.adapters.onnx_torch.operators.pooling import root

Outputs = Tensor | tuple[Tensor, ...]


@operator("BatchNormalization")
def batch_normalization(
    node: Any,
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    mean: Tensor,
    variance: Tensor,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    spatial: int = 1,
    is_test: int = 0,
    consumed_inputs: Ints | None = None,
) -> Outputs:
    """Before opset 14: training, with the batch's own statistics, is what a node with several outputs does."""
    trains = sum(map(bool, node.proto.output)) > 1 and not is_test
    if trains:
        found, *running, batch_mean, batch_variance = _trained(x, scale, bias, mean, variance, epsilon, momentum)
        return found, *running, batch_mean, batch_variance
    if not spatial:  # one statistic for each position
        return (x - mean) * (variance + epsilon).rsqrt() * scale + bias
    return _normalized(x, scale, bias, mean, variance, epsilon)


@operator("BatchNormalization", since=14)
def batch_normalization_14(
    node: Any,
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    mean: Tensor,
    variance: Tensor,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    training_mode: int = 0,
) -> Outputs:
    """With training_mode, by the batch's own statistics, and what the running ones become."""
    if training_mode:
        return _trained(x, scale, bias, mean, variance, epsilon, momentum)[:3]
    return _normalized(x, scale, bias, mean, variance, epsilon)


@operator("InstanceNormalization")
def instance_normalization(
    node: Any, x: Tensor, scale: Tensor, bias: Tensor, epsilon: float = 1e-5, consumed_inputs: Ints | None = None
) -> Tensor:
    """Each channel of each image by its own mean and variance."""
    return torch.group_norm(x, x.shape[1], scale, bias, epsilon)


@operator("GroupNormalization")
def group_normalization(
    node: Any,
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    *,
    num_groups: int,
    epsilon: float = 1e-5,
    stash_type: int = 1,
) -> Tensor:
    """Groups of channels by their own mean and variance. Scale and bias have one value for each channel,
    at version 18 for each group."""
    if node.version < 21 and scale.numel() == num_groups:
        members = x.shape[1] // num_groups
        scale, bias = scale.repeat_interleave(members), bias.repeat_interleave(members)
    return functional.group_norm(x, num_groups, scale, bias, epsilon)


# Below opset 17 this one is onnxruntime's own; its versions of models have it in the standard domain.
@operator("LayerNormalization")
def layer_normalization(
    node: Any,
    x: Tensor,
    scale: Tensor,
    bias: Tensor | None = None,
    axis: int = -1,
    epsilon: float = 1e-5,
    stash_type: int = 1,
) -> Outputs:
    """By mean and variance over the axes from `axis` on; also gives the mean and the inverse deviation."""
    shape = x.shape[axis % x.dim() :]
    fits = scale.shape == shape and (bias is None or bias.shape == shape) and scale.dtype == x.dtype
    if node.output_count == 1 and fits and x.dtype not in HALF:
        return functional.layer_norm(x, shape, scale, bias, epsilon)
    wide = x.to(node.types.dtype(stash_type)) if x.dtype in HALF else x
    axes = list(range(x.dim() - len(shape), x.dim()))
    variance, mean = torch.var_mean(wide, axes, unbiased=False, keepdim=True)
    inverse = (variance + epsilon).rsqrt()
    found = ((wide - mean) * inverse).to(x.dtype) * scale
    return found if bias is None else found + bias, mean, inverse


@operator("RMSNormalization", "SimplifiedLayerNormalization")
def rms_normalization(
    node: Any, x: Tensor, scale: Tensor, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
) -> Outputs:
    """By the root mean square over the axes from `axis` on; also gives its inverse."""
    axes = list(range(axis % x.dim(), x.dim()))
    wide = x.to(node.types.dtype(stash_type)) if x.dtype in HALF else x
    inverse = (wide.square().mean(axes, keepdim=True) + epsilon).rsqrt()
    return (wide * inverse).to(scale.dtype) * scale, inverse


@operator("LRN")
def local_response_normalization(
    node: Any, x: Tensor, *, size: int, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0
) -> Tensor:
    """Each value over a power of the squares of its neighbours in `size` channels."""
    squares = functional.pad(x.square(), [0, 0] * (x.dim() - 2) + [(size - 1) // 2, size // 2])
    total = squares.narrow(1, 0, x.shape[1])
    for shift in range(1, size):
        total = total + squares.narrow(1, shift, x.shape[1])
    return x * (bias + alpha / size * total) ** -beta


@operator("LpNormalization")
def lp_normalization(node: Any, x: Tensor, axis: int = -1, p: int = 2) -> Tensor:
    """Values over their p-norm along the axis; zero where all are zero."""
    length = root((x.abs() ** p).sum(axis, keepdim=True), p)
    return x / torch.where(length == 0, torch.ones_like(length), length)


@operator("MeanVarianceNormalization")
def mean_variance_normalization_1(
    node: Any, x: Tensor, across_channels: int = 0, normalize_variance: int = 1
) -> Tensor:
    """Before opset 9: over the batch and all positions, for each channel or across them."""
    axes = [axis for axis in range(x.dim()) if axis != 1 or across_channels]
    return _centred(x, axes, bool(normalize_variance))


@operator("MeanVarianceNormalization", since=9)
def mean_variance_normalization(node: Any, x: Tensor, axes: Ints = (0, 2, 3)) -> Tensor:
    """Less the mean, over the deviation, along the axes."""
    return _centred(x, list(axes), True)


def _centred(x: Tensor, axes: list[int], scaled: bool) -> Tensor:
    centred = x - x.mean(axes, keepdim=True)
    if not scaled:
        return centred
    return centred / (root(centred.square().mean(axes, keepdim=True), 2) + 1e-9)


def _normalized(x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, epsilon: float) -> Tensor:
    dtype = x.dtype
    for parameter in (scale, mean):  # since opset 15 they may be wider than x
        dtype = torch.promote_types(dtype, parameter.dtype)
    scale, bias, mean, variance = (p.to(dtype) for p in (scale, bias, mean, variance))
    if needs_gradient(mean) or needs_gradient(variance):  # which functional.batch_norm does not give
        scale = scale * (variance + epsilon).rsqrt()
        return (x * _per_channel(scale, x) + _per_channel(bias - mean * scale, x)).to(x.dtype)
    return functional.batch_norm(x.to(dtype), mean, variance, scale, bias, False, 0.0, epsilon).to(x.dtype)


def _trained(
    x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, epsilon: float, momentum: float
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The result, both running statistics as they become, and both statistics of the batch."""
    axes = [axis for axis in range(x.dim()) if axis != 1]
    wide = x.float() if x.dtype in HALF else x
    batch_variance, batch_mean = torch.var_mean(wide, axes, unbiased=False)
    found = (wide - _per_channel(batch_mean, x)) * _per_channel((batch_variance + epsilon).rsqrt() * scale, x)
    running_mean = mean * momentum + batch_mean * (1 - momentum)
    running_variance = variance * momentum + batch_variance * (1 - momentum)
    return (
        (found + _per_channel(bias, x)).to(x.dtype),
        running_mean.to(mean.dtype),
        running_variance.to(variance.dtype),
        batch_mean.to(mean.dtype),
        batch_variance.to(variance.dtype),
    )


def _per_channel(values: Tensor, x: Tensor) -> Tensor:
    return values.reshape(-1, *[1] * (x.dim() - 2))
