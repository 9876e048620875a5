"""Pad: values around a tensor; negative pads take some away."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import Unsupported, operator
from viz.adapters.onnx_torch.operators._reading import Integers, axes_of, integers, is_constant, prepared
from viz.adapters.onnx_torch.operators._unsigned import via_int64

Fill = Tensor | float | None


@operator("Pad")
def pad_called_paddings(
    node: Node, x: Tensor, paddings: Sequence[int] = (), mode: str = "constant", value: float = 0.0
) -> Tensor:
    """Pad as it was first, with other names for its attributes."""
    return pad(node, x, pads=paddings, mode=mode, value=value)


@operator("Pad", since=2)
@via_int64()
def pad(
    node: Node,
    x: Tensor,
    pads: Integers = (),
    constant_value: Fill = None,
    axes: Integers | None = None,
    mode: str = "constant",
    value: float = 0.0,
) -> Tensor:
    """x with `pads` (first all befores, then all afters, of all axes or of `axes`) filled as `mode` says.

    `value` fills before opset 11, the input `constant_value` since.
    """
    amounts = integers(node, 1, pads)
    along = list(range(x.dim())) if axes is None else axes_of(x.dim(), integers(node, 3, axes))
    before, after = [0] * x.dim(), [0] * x.dim()
    for k, axis in enumerate(along):
        before[axis], after[axis] = amounts[k], amounts[k + len(along)]
    x = _cropped(x, before, after)
    before, after = [max(n, 0) for n in before], [max(n, 0) for n in after]
    if not any(before) and not any(after):
        return x
    if mode == "constant":
        return _filled(node, x, before, after, value if constant_value is None else constant_value)
    return _mirrored(x, before, after, mode)


def _cropped(x: Tensor, before: Sequence[int], after: Sequence[int]) -> Tensor:
    for axis, (left, right) in enumerate(zip(before, after, strict=True)):
        if left < 0 or right < 0:
            kept = x.shape[axis] + min(left, 0) + min(right, 0)
            x = x.narrow(axis, max(-left, 0), kept)
    return x


def _torch_pads(before: Sequence[int], after: Sequence[int]) -> list[int]:
    """Pads as torch orders them: last axis first, before and after side by side, without axes that have none."""
    pads = [n for pair in zip(reversed(before), reversed(after), strict=True) for n in pair]
    while len(pads) > 2 and not any(pads[-2:]):
        del pads[-2:]
    return pads


def _filled(node: Node, x: Tensor, before: Sequence[int], after: Sequence[int], value: Fill) -> Tensor:
    pads = _torch_pads(before, after)
    if isinstance(value, Tensor) and value.numel() and not is_constant(node, 2):
        inside = functional.pad(torch.ones_like(x, dtype=torch.bool), pads, value=False)
        return torch.where(inside, functional.pad(x, pads), value.reshape(()).to(x.dtype))  # the gradient goes to both
    if isinstance(value, Tensor):
        value = prepared(node, 2, value.item) if value.numel() else 0.0
    return functional.pad(x, pads, value=value)


def _mirrored(x: Tensor, before: Sequence[int], after: Sequence[int], mode: str) -> Tensor:
    if mode not in _SOURCE:
        raise Unsupported(f"Pad with mode {mode!r}")
    if x.dim() == 4 and x.is_floating_point() and not any((*before[:2], *after[:2])) and _fits(x, before, after, mode):
        return functional.pad(x, [before[3], after[3], before[2], after[2]], mode=_KERNELS[mode])
    for axis, (left, right) in enumerate(zip(before, after, strict=True)):
        if left or right:
            places = torch.arange(-left, x.shape[axis] + right, device=x.device)
            x = x.index_select(axis, _SOURCE[mode](places, x.shape[axis]))
    return x


_KERNELS = {"reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def _fits(x: Tensor, before: Sequence[int], after: Sequence[int], mode: str) -> bool:
    """Whether torch's kernel for images does it: reflected once at most, wrapped around once at most."""
    room = {"reflect": -1, "wrap": 0}.get(mode)
    widest = map(max, before, after)
    return room is None or all(n <= size + room for n, size in zip(widest, x.shape, strict=True))


def _nearest(places: Tensor, size: int) -> Tensor:
    return torch.minimum(torch.maximum(places, places.new_zeros(())), places.new_full((), size - 1))


def _reflected(places: Tensor, size: int) -> Tensor:
    if size == 1:
        return torch.zeros_like(places)
    period = 2 * (size - 1)
    phase = places.abs() % period
    return torch.where(phase >= size, period - phase, phase)


_SOURCE: dict[str, Callable[[Tensor, int], Tensor]] = {
    "edge": _nearest,
    "reflect": _reflected,
    "wrap": lambda places, size: places % size,
}
