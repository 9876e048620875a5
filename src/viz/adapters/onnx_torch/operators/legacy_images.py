"""Operators of old files, never in the standard or gone from it, that onnxruntime still runs up to opset 9."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from viz.adapters.onnx_torch.operator_table import operator
from viz.adapters.onnx_torch.operators._windows import Ints


@operator("ImageScaler")
def image_scaler(node: Any, x: Tensor, bias: Sequence[float] = (), scale: float = 1.0) -> Tensor:
    """scale x + bias, one bias for each channel of (b, c, h, w)."""
    found = x * scale
    if not bias:
        return found
    return found + torch.tensor(bias, dtype=x.dtype, device=x.device).reshape(-1, *[1] * (x.dim() - 2))


@operator("Crop")
def crop(node: Any, x: Tensor, border: Ints = (0, 0, 0, 0), scale: Ints | None = None) -> Tensor:
    """Without the borders (left, top, right, bottom); with `scale`, that height and width from the top left one."""
    left, top, right, bottom = border
    height, width = x.shape[-2:]
    rows, columns = scale if scale else (height - top - bottom, width - left - right)
    return x[..., top : top + rows, left : left + columns]


@operator("Affine")
def affine(node: Any, x: Tensor, alpha: float = 1.0, beta: float = 0.0) -> Tensor:
    """alpha x + beta."""
    return x * alpha + beta


@operator("Scale")
def scale_by(node: Any, x: Tensor, scale: float = 1.0) -> Tensor:
    """scale x."""
    return x * scale


@operator("ParametricSoftplus")
def parametric_softplus(node: Any, x: Tensor, alpha: float, beta: float) -> Tensor:
    """alpha log(1 + exp(beta x))."""
    return alpha * torch.logaddexp(beta * x, torch.zeros((), dtype=x.dtype, device=x.device))


@operator("ScaledTanh")
def scaled_tanh(node: Any, x: Tensor, alpha: float, beta: float) -> Tensor:
    """alpha tanh(beta x)."""
    return alpha * torch.tanh(beta * x)


@operator("DynamicSlice")
def dynamic_slice(node: Any, x: Tensor, starts: Tensor, ends: Tensor, axes: Tensor | None = None) -> Tensor:
    """Slice before opset 10 with computed edges: from `starts` up to `ends` along `axes` (the first ones)."""
    edges = dict(enumerate(zip(starts.tolist(), ends.tolist(), strict=True)))
    along = axes.tolist() if axes is not None else list(edges)
    parts = [slice(None)] * x.dim()
    for index, (start, end) in edges.items():
        parts[along[index]] = slice(start, end)
    return x[tuple(parts)]


@operator("GivenTensorFill")
def given_tensor_fill(
    node: Any,
    shape_input: Tensor | None = None,
    *,
    values: Sequence[float],
    shape: Ints | None = None,
    input_as_shape: int = 0,
    extra_shape: Ints = (),
) -> Tensor:
    """The values in the given shape: an attribute, or the input's shape or values, plus extra_shape."""
    if shape is None:
        assert shape_input is not None
        shape = shape_input.tolist() if input_as_shape else list(shape_input.shape)
    device = shape_input.device if shape_input is not None else None
    return torch.tensor(values, dtype=torch.float32, device=device).reshape(*shape, *extra_shape)
