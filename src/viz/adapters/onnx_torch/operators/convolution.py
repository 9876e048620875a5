"""Convolution and its transpose, over one to three spatial axes."""

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

    torch crops both ends alike and adds rows at the far end; ONNX crops each end by itself. So the near crop
    goes to torch, and the far end is grown or cropped to fit.
    """
    rank = x.dim() - 2
    strides, dilations = list(strides or [1] * rank), list(dilations or [1] * rank)
    spans = [span(k, d) for k, d in zip(weight.shape[2:], dilations, strict=True)]
    added = list(output_padding or [0] * rank)
    full = [(n - 1) * s + w + a for n, s, w, a in zip(x.shape[2:], strides, spans, added, strict=True)]
    wanted = _wanted_sizes(x.shape[2:], strides, auto_pad, output_shape)
    before, after = _crops(full, wanted, auto_pad, pads)
    if min([*before, *after], default=0) < 0:
        raise Unsupported("ConvTranspose with negative pads")
    sizes = wanted or [f - b - a for f, b, a in zip(full, before, after, strict=True)]
    # What the far end has to gain over a crop of `before` at both ends.
    gains = [n - (f - a - 2 * b) for n, f, a, b in zip(sizes, full, added, before, strict=True)]
    room = [max(s, d) - 1 for s, d in zip(strides, dilations, strict=True)]  # as much as torch adds
    own = [min(max(g, 0), r) for g, r in zip(gains, room, strict=True)]
    rest = [g - o for g, o in zip(gains, own, strict=True)]
    function = _for_rank(_TRANSPOSED, x)
    if max(rest, default=0) <= 0:
        return pad_spatial(function(x, weight, bias, strides, before, own, group, dilations), [0] * rank, rest)
    grown = pad_spatial(function(x, weight, None, strides, before, own, group, dilations), [0] * rank, rest)
    return grown if bias is None else grown + bias.reshape(-1, *[1] * rank)


def _wanted_sizes(sizes: Ints, strides: Ints, auto_pad: str, output_shape: Ints | None) -> list[int] | None:
    if output_shape is not None:
        return list(output_shape[-len(sizes) :])  # old files name the batch and the channels too
    if auto_pad.startswith("SAME"):
        return [n * s for n, s in zip(sizes, strides, strict=True)]
    return None


def _crops(full: Ints, wanted: Ints | None, auto_pad: str, pads: Ints | None) -> tuple[list[int], list[int]]:
    """How much to cut from both ends of the full result: the odd cell goes from the start, but for SAME_UPPER."""
    rank = len(full)
    if wanted is None:
        given = list(pads or [0] * 2 * rank) if auto_pad != "VALID" else [0] * 2 * rank
        return given[:rank], given[rank:]
    totals = [max(0, f - n) for f, n in zip(full, wanted, strict=True)]
    small, large = [t // 2 for t in totals], [t - t // 2 for t in totals]
    return (small, large) if auto_pad == "SAME_UPPER" else (large, small)


def _for_rank(functions: dict[int, Any], x: Tensor) -> Any:
    function = functions.get(x.dim() - 2)
    if function is None:
        raise Unsupported(f"convolution over {x.dim() - 2} axes")
    return function
