"""Convolution and its transpose, over one to three spatial axes."""

from functools import partial
from typing import Any

from torch import Tensor
from torch.nn import functional

from viz.adapters.onnx_torch.operator_table import Unsupported, operator
from viz.adapters.onnx_torch.operators._windows import Ints, pad_spatial, span, windows

_CONV = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_TRANSPOSED = {1: functional.conv_transpose1d, 2: functional.conv_transpose2d, 3: functional.conv_transpose3d}


@operator("Conv")
def conv(
    node: Any,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    auto_pad: str = "NOTSET",
    dilations: Ints | None = None,
    group: int = 1,
    kernel_shape: Ints | None = None,
    pads: Ints | None = None,
    strides: Ints | None = None,
) -> Tensor:
    """x (b, c, *sizes), weight (out, c / group, *kernel) -> (b, out, *sizes of the windows' grid)."""
    places = windows(x.shape[2:], weight.shape[2:], strides, dilations, auto_pad, pads)
    padding = places.before
    if not places.symmetric:
        x, padding = pad_spatial(x, places.before, places.after), [0] * len(padding)
    found: Tensor = _for_rank(_CONV, x)(x, weight, bias, places.strides, padding, places.dilations, group)
    return found


@operator("ConvTranspose")
def conv_transpose(
    node: Any,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    auto_pad: str = "NOTSET",
    dilations: Ints | None = None,
    group: int = 1,
    kernel_shape: Ints | None = None,
    output_padding: Ints | None = None,
    output_shape: Ints | None = None,
    pads: Ints | None = None,
    strides: Ints | None = None,
) -> Tensor:
    """x (b, c, *sizes), weight (c, out / group, *kernel) -> (b, out, *enlarged sizes).

    torch crops both ends alike and can add a few rows at the far end; ONNX crops each end by itself. So where
    the near crop and these rows do, torch does it all, but for a rest to cut; else its whole result is cropped,
    and grown by zeros where more is asked for than the kernel reaches.
    """
    rank = x.dim() - 2
    strides, dilations = list(strides or [1] * rank), list(dilations or [1] * rank)
    spans = [span(k, d) for k, d in zip(weight.shape[2:], dilations, strict=True)]
    full = [(n - 1) * s + w for n, s, w in zip(x.shape[2:], strides, spans, strict=True)]
    added = list(output_padding or [0] * rank)
    before, sizes = _cut(x.shape[2:], full, added, strides, auto_pad, pads, output_shape)
    transposed = partial(_for_rank(_TRANSPOSED, x), groups=group, dilation=dilations, stride=strides)
    gains = [size - (f - 2 * b) for size, f, b in zip(sizes, full, before, strict=True)]
    room = [max(s, d) - 1 for s, d in zip(strides, dilations, strict=True)]
    if min(before) >= 0 and all(g <= r for g, r in zip(gains, room, strict=True)):
        own = [max(gain, 0) for gain in gains]
        found = transposed(x, weight, bias, padding=before, output_padding=own)
        return pad_spatial(found, [0] * rank, [min(gain, 0) for gain in gains])
    after = [size + b - f for size, f, b in zip(sizes, full, before, strict=True)]
    found = pad_spatial(transposed(x, weight), [-b for b in before], after)
    return found if bias is None else found + bias.reshape(-1, *[1] * rank)


def _cut(
    inputs: Ints,
    full: Ints,
    added: Ints,
    strides: Ints,
    auto_pad: str,
    pads: Ints | None,
    output_shape: Ints | None,
) -> tuple[list[int], list[int]]:
    """How much to cut from the start of the full result, and the sizes that remain."""
    rank = len(full)
    whole = [f + a for f, a in zip(full, added, strict=True)]
    if output_shape is not None:
        sizes = list(output_shape[-rank:])  # old files name the batch and the channels too
    elif auto_pad.startswith("SAME"):
        sizes = [min(w, n * s) for w, n, s in zip(whole, inputs, strides, strict=True)]
    else:
        given = list(pads) if pads is not None and auto_pad != "VALID" else [0] * 2 * rank
        return given[:rank], [w - b - a for w, b, a in zip(whole, given[:rank], given[rank:], strict=True)]
    totals = [max(0, w - size) for w, size in zip(whole, sizes, strict=True)]
    # An odd cell goes from the start, but for SAME_UPPER.
    return [t // 2 if auto_pad == "SAME_UPPER" else t - t // 2 for t in totals], sizes


def _for_rank(functions: dict[int, Any], x: Tensor) -> Any:
    function = functions.get(x.dim() - 2)
    if function is None:
        raise Unsupported(f"convolution over {x.dim() - 2} axes")
    return function
