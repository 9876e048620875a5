"""Where the windows of convolution and pooling lie: given and automatic padding, and what ceil_mode adds."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from torch import Tensor
from torch.nn import functional

Ints = Sequence[int]


@dataclass(frozen=True)
class Windows:
    """Windows over the spatial axes of an input; every list has one entry for each axis.

    Attributes:
        kernel, strides, dilations: as in ONNX.
        before, after: the padding; negative where the input is cropped.
        extra: how far the last window reaches past the padding, because of ceil_mode.
    """

    kernel: list[int]
    strides: list[int]
    dilations: list[int]
    before: list[int]
    after: list[int]
    extra: list[int]

    @property
    def symmetric(self) -> bool:
        """Whether the padding is one that torch's own functions take."""
        return self.before == self.after and min(self.before, default=0) >= 0

    @property
    def spans(self) -> list[int]:
        """From the first to the last cell of a window, both counted."""
        return [span(k, d) for k, d in zip(self.kernel, self.dilations, strict=True)]


def windows(
    sizes: Ints,
    kernel: Ints,
    strides: Ints | None = None,
    dilations: Ints | None = None,
    auto_pad: str = "NOTSET",
    pads: Ints | None = None,
    ceil_mode: int = 0,
) -> Windows:
    """The windows over an input of these spatial sizes, from the attributes of an ONNX node."""
    rank = len(sizes)
    strides, dilations = list(strides or [1] * rank), list(dilations or [1] * rank)
    spans = [span(k, d) for k, d in zip(kernel, dilations, strict=True)]
    before, after = _padding(sizes, spans, strides, auto_pad, pads)
    extra = [0] * rank
    if ceil_mode and not auto_pad.startswith("SAME"):
        extra = [
            _reach_of_the_last(size, low, high, width, stride)
            for size, low, high, width, stride in zip(sizes, before, after, spans, strides, strict=True)
        ]
    return Windows(list(kernel), strides, dilations, before, after, extra)


def span(kernel: int, dilation: int) -> int:
    """The cells from a window's first to its last, both counted."""
    return (kernel - 1) * dilation + 1


def pad_spatial(x: Tensor, before: Ints, after: Ints, value: float = 0.0) -> Tensor:
    """`x` with its last axes padded, or cropped where negative; itself where there is nothing to do."""
    if not any(before) and not any(after):
        return x
    return functional.pad(
        x, list(chain.from_iterable(zip(reversed(before), reversed(after), strict=True))), value=value
    )


def _padding(sizes: Ints, spans: Ints, strides: Ints, auto_pad: str, pads: Ints | None) -> tuple[list[int], list[int]]:
    rank = len(sizes)
    if auto_pad.startswith("SAME"):
        totals = [
            max(0, (-(-size // stride) - 1) * stride + width - size)
            for size, width, stride in zip(sizes, spans, strides, strict=True)
        ]
        small, large = [t // 2 for t in totals], [t - t // 2 for t in totals]
        return (small, large) if auto_pad == "SAME_UPPER" else (large, small)
    if auto_pad == "VALID" or pads is None:
        return [0] * rank, [0] * rank
    return list(pads[:rank]), list(pads[rank:])


def _reach_of_the_last(size: int, before: int, after: int, width: int, stride: int) -> int:
    padded = size + before + after
    count = -(-(padded - width) // stride) + 1
    if (count - 1) * stride >= size + before:  # a window that would begin past the input is left out
        count -= 1
    return max(0, (count - 1) * stride + width - padded)
