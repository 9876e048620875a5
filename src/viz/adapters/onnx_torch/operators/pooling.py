"""Pooling over windows: maximum, average, p-norm; and over the whole image."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from viz.adapters.onnx_torch.operator_table import Unsupported, operator
from viz.adapters.onnx_torch.operators._windows import Ints, Windows, pad_spatial, windows

_MAX = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_AVERAGE = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}


@operator("MaxPool")
def max_pool(
    node: Any,
    x: Tensor,
    *,
    kernel_shape: Ints,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: Ints | None = None,
    pads: Ints | None = None,
    storage_order: int = 0,
    strides: Ints | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """The maximum of each window, and where it lies: the index in the flattened input, column by column
    with storage_order 1."""
    places = windows(x.shape[2:], kernel_shape, strides, dilations, auto_pad, pads, ceil_mode)
    # torch pools 8-bit integers on no device; float32 holds them exactly.
    values = x if x.is_floating_point() else x.to(torch.float32)
    padding, ceil = places.before, bool(ceil_mode)
    offset = [0] * len(padding)
    if not _torch_pads(places):
        after = [a + e for a, e in zip(places.after, places.extra, strict=True)]
        values, offset = pad_spatial(values, places.before, after, -torch.inf), places.before
        padding, ceil = [0] * len(padding), False
    pool = _for_rank(_MAX, x)
    arguments = (values, places.kernel, places.strides, padding, places.dilations, ceil)
    if node.output_count == 1:
        found: Tensor = pool(*arguments)
        return found.to(x.dtype)
    found, inside = pool(*arguments, return_indices=True)
    return found.to(x.dtype), _indices_in_input(inside, values.shape, x.shape, offset, bool(storage_order))


@operator("AveragePool")
def average_pool(
    node: Any,
    x: Tensor,
    *,
    kernel_shape: Ints,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    dilations: Ints | None = None,
    pads: Ints | None = None,
    strides: Ints | None = None,
) -> Tensor:
    """The mean of each window: over its cells on the input, or on the input and its padding; what ceil_mode
    adds beyond never counts."""
    places = windows(x.shape[2:], kernel_shape, strides, dilations, auto_pad, pads, ceil_mode)
    if _torch_pads(places) and set(places.dilations) <= {1}:
        pool = _for_rank(_AVERAGE, x)
        found: Tensor = pool(x, places.kernel, places.strides, places.before, bool(ceil_mode), bool(count_include_pad))
        return found
    counted = torch.ones(1, 1, *x.shape[2:], dtype=x.dtype, device=x.device)
    counted = pad_spatial(counted, places.before, places.after, float(count_include_pad))
    share = _window_means(pad_spatial(counted, [0] * len(places.extra), places.extra), places)
    return _window_means(_padded(x, places), places) / share


@operator("LpPool")
def lp_pool(
    node: Any,
    x: Tensor,
    *,
    kernel_shape: Ints,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: Ints | None = None,
    p: float = 2,
    pads: Ints | None = None,
    strides: Ints | None = None,
) -> Tensor:
    """The p-norm of each window; its gradient where a whole window is zero is zero."""
    places = windows(x.shape[2:], kernel_shape, strides, dilations, auto_pad, pads, ceil_mode)
    cells = torch.Size(places.kernel).numel()
    return root(_window_means(_padded(x.abs() ** p, places), places) * cells, p)


@operator("GlobalAveragePool")
def global_average_pool(node: Any, x: Tensor) -> Tensor:
    """(b, c, *sizes) -> (b, c, 1, …)."""
    return x.mean(_spatial(x), keepdim=True)


@operator("GlobalMaxPool")
def global_max_pool(node: Any, x: Tensor) -> Tensor:
    """(b, c, *sizes) -> (b, c, 1, …); of equal maxima the first gets the gradient, as in torch's pooling."""
    if x.dim() - 2 not in _MAX or not x.is_floating_point():
        return x.amax(_spatial(x), keepdim=True)
    found: Tensor = _MAX[x.dim() - 2](x, list(x.shape[2:]))
    return found


@operator("GlobalLpPool")
def global_lp_pool(node: Any, x: Tensor, p: float = 2) -> Tensor:
    """The p-norm of each channel, (b, c, *sizes) -> (b, c, 1, …)."""
    return root((x.abs() ** p).sum(_spatial(x), keepdim=True), p)


def root(total: Tensor, p: float) -> Tensor:
    """The p-th root of sums that are at least zero. Its gradient at zero, infinite in theory, is zero."""
    if p == 1:
        return total
    none = total == 0
    return torch.where(none, total, torch.where(none, torch.ones_like(total), total) ** (1 / p))


def _torch_pads(places: Windows) -> bool:
    """Whether torch's pooling pads as asked: both ends alike, at most half a window."""
    return places.symmetric and all(2 * b <= k for b, k in zip(places.before, places.kernel, strict=True))


def _padded(x: Tensor, places: Windows) -> Tensor:
    after = [a + e for a, e in zip(places.after, places.extra, strict=True)]
    return pad_spatial(x, places.before, after)


def _window_means(x: Tensor, places: Windows) -> Tensor:
    """The mean of every window on an input that has its padding already."""
    if set(places.dilations) <= {1} and x.dim() - 2 in _AVERAGE:
        found: Tensor = _AVERAGE[x.dim() - 2](x, places.kernel, places.strides)
        return found
    rank = len(places.kernel)
    for axis in range(rank):
        x = x.unfold(2 + axis, places.spans[axis], places.strides[axis])
    for axis, dilation in enumerate(places.dilations):
        cells = torch.arange(0, places.spans[axis], dilation, device=x.device)
        x = x.index_select(axis - rank, cells)
    return x.mean(list(range(-rank, 0)))


def _indices_in_input(inside: Tensor, padded: torch.Size, shape: torch.Size, offset: Ints, by_columns: bool) -> Tensor:
    """torch's indices, within one channel of what it pooled, as indices into the whole input."""
    places: list[Tensor] = []
    rest = inside
    for size, before in zip(reversed(padded[2:]), reversed(offset), strict=True):
        places.insert(0, rest % size - before)
        rest = rest // size
    axes = list(range(len(places)))
    flat = torch.zeros_like(inside)
    for axis in reversed(axes) if by_columns else axes:
        flat = flat * shape[2 + axis] + places[axis]
    planes = torch.arange(shape[0] * shape[1], device=inside.device).reshape(*shape[:2], *[1] * len(places))
    return flat + planes * shape[2:].numel()


def _spatial(x: Tensor) -> list[int]:
    return list(range(2, x.dim()))


def _for_rank(functions: dict[int, Any], x: Tensor) -> Any:
    function = functions.get(x.dim() - 2)
    if function is None:
        raise Unsupported(f"pooling over {x.dim() - 2} axes")
    return function
