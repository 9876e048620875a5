"""How large the result of a torch operation will be, estimated from its arguments without doing it.

Exact for operations whose result can be much larger than their inputs; for all others the largest input,
or all inputs broadcast together.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

Rule = Callable[..., float]


def estimated_bytes(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> float:
    """Bytes that the result of an operation (`torch.ops.aten.…`) takes; 0 for views, which take none."""
    if function.is_view:
        return 0
    name = function.overloadpacket.__name__
    rule: Rule = _RULES.get(name, _broadcast)
    return rule(*args) * _width(name, args, kwargs.get("dtype"))


def _width(name: str, args: Sequence[Any], dtype: torch.dtype | None) -> int:
    """Bytes of one element of the result."""
    if dtype is not None:
        return dtype.itemsize
    if name == "arange":
        return 8
    widths = [tensor.element_size() for tensor in _tensors(args)]
    return widths[0] if name.startswith("index") else max(widths, default=4)


def _broadcast(*args: Any) -> float:
    """Inputs broadcast together, or the size that a list of numbers says, whichever is more."""
    shapes = [tensor.shape for tensor in _tensors(args)]
    sizes = [math.prod(map(abs, value)) for value in args if _is_size(value)]
    return float(max([*sizes, *map(math.prod, shapes), _together(shapes)]))


def _together(shapes: Sequence[Sequence[int]]) -> int:
    """How many elements tensors have when broadcast together; 0 where they cannot be."""
    axes = max(map(len, shapes), default=0)
    aligned = [(1,) * (axes - len(shape)) + tuple(shape) for shape in shapes]
    sides = [{side for side in along if side != 1} for along in zip(*aligned, strict=True)]
    if any(len(along) > 1 for along in sides):
        return 0
    return math.prod(max(along, default=1) for along in sides)


def _range(*args: Any) -> float:
    start, end, step = {1: (0, *args, 1), 2: (*args, 1)}.get(len(args), args[:3])
    return abs(float(end - start) / step) if step else 0.0


def _repeat(tensor: Tensor, repeats: Sequence[int]) -> float:
    return float(tensor.numel() * math.prod(repeats))


def _pad(tensor: Tensor, pads: Sequence[int], *_: Any) -> float:
    added = [before + after for before, after in zip(pads[::2], pads[1::2], strict=True)][::-1]
    sides = [0] * (tensor.dim() - len(added)) + added
    return math.prod(max(0, side + more) for side, more in zip(tensor.shape, sides, strict=True))


def _product(*args: Any) -> float:
    left, right = list(_tensors(args))[-2:]
    return left.numel() / max(1, left.shape[-1]) * right.shape[-1]


def _convolution(
    x: Tensor,
    weight: Tensor,
    _bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> float:
    size = float(x.shape[0] * (weight.shape[1] * groups if transposed else weight.shape[0]))
    for axis, side in enumerate(x.shape[2:]):
        kernel = dilation[axis % len(dilation)] * (weight.shape[2 + axis] - 1)
        step, pad = stride[axis % len(stride)], 2 * padding[axis % len(padding)]
        if transposed:
            size *= max(1, (side - 1) * step - pad + kernel + output_padding[axis % len(output_padding)] + 1)
        else:
            size *= max(1, (side + pad - kernel - 1) // max(1, step) + 1)
    return size


def _resize(tensor: Tensor, size: Sequence[int] | None, *args: Any) -> float:
    scales = next((value for value in args if isinstance(value, list | tuple)), (1,))
    sides = size or [scale * side for scale, side in zip(scales, tensor.shape[2:], strict=False)]
    return tensor.shape[0] * tensor.shape[1] * math.prod(sides)


def _selected(tensor: Tensor, axis: int, indices: Tensor, *_: Any) -> float:
    return tensor.numel() / max(1, tensor.shape[axis] if tensor.dim() else 1) * indices.numel()


def _indexed(tensor: Tensor, indices: Sequence[Tensor | None]) -> float:
    indexed = [side for side, index in zip(tensor.shape, indices, strict=False) if index is not None]
    return tensor.numel() / max(1, math.prod(indexed)) * _broadcast(*indices)


_RULES: Mapping[str, Rule] = {
    **dict.fromkeys(["mm", "bmm", "addmm", "baddbmm"], _product),
    **dict.fromkeys(["upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d"], _resize),
    **dict.fromkeys(["upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d"], _resize),
    "upsample_bicubic2d": _resize,
    "arange": _range,
    "constant_pad_nd": _pad,
    "convolution": _convolution,
    "index": _indexed,
    "index_select": _selected,
    "repeat": _repeat,
}


def _is_size(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(type(side) is int for side in value)


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)
