"""What operations are given, by name: those of torch.nn.functional, and of ATen in exported programs."""

from collections.abc import Mapping, Sequence
from typing import Any

_CONVOLUTION = "input weight bias stride padding dilation groups".split()
_TRANSPOSED = "input weight bias stride padding output_padding groups dilation".split()
_BOTH: dict[str, Sequence[str]] = {
    "conv2d": _CONVOLUTION,
    "conv_transpose2d": _TRANSPOSED,
    "convolution": "input weight bias stride padding dilation transposed output_padding groups".split(),
    "linear": "input weight bias".split(),
    "addmm": "bias input weight".split(),
    "mm": "input weight".split(),
    "matmul": "input weight".split(),
    "native_batch_norm_legit_no_training": "input weight bias running_mean running_var momentum eps".split(),
    "transpose": "input dim0 dim1".split(),
    "swapaxes": "input dim0 dim1".split(),
    "movedim": "input source destination".split(),
    "moveaxis": "input source destination".split(),
    "mean": "input dim keepdim".split(),
    "amax": "input dim keepdim".split(),
    "sum": "input dim keepdim".split(),
    "cat": "tensors dim".split(),
    "concat": "tensors dim".split(),
}
_FUNCTIONAL = {"batch_norm": "input running_mean running_var weight bias training momentum eps".split()}
_ATEN = {"batch_norm": "input weight bias running_mean running_var training momentum eps".split()}


def named(op: str, given: Any, aten: bool) -> Mapping[str, Any]:
    """An operation's arguments by name; `given` are positional and named ones, as a `Step` holds them.

    Of an operation that is not known, only the first: `input`.
    """
    positional, keywords = given
    names = (_ATEN if aten else _FUNCTIONAL).get(op) or _BOTH.get(op, ["input"])
    found = dict(zip(names, positional, strict=False)) | dict(keywords or {})
    if "axis" in found:  # numpy's names are taken as well
        found["dim"] = found["axis"]
    return found


def order_of(given: Any) -> Sequence[int]:
    """The axes of `permute(x, 0, 2, 3, 1)` or `permute(x, (0, 2, 3, 1))`."""
    positional, keywords = given
    rest = positional[1:]
    if "dims" in (keywords or {}):
        return tuple(keywords["dims"])
    return tuple(rest[0]) if len(rest) == 1 and not isinstance(rest[0], int) else tuple(rest)
