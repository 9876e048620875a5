"""What operations are given, by name: as torch.nn.functional takes it, which is as ATen does, where not said."""

from collections.abc import Mapping, Sequence
from typing import Any

_CONVOLUTION = "input weight bias stride padding dilation groups".split()
_TRANSPOSED = "input weight bias stride padding output_padding groups dilation".split()
_NAMES: dict[str, Sequence[str]] = {
    "conv2d": _CONVOLUTION,
    "conv_transpose2d": _TRANSPOSED,
    "convolution": "input weight bias stride padding dilation transposed output_padding groups".split(),
    "batch_norm": "input running_mean running_var weight bias training momentum eps".split(),
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
    "pad": "input pad mode value".split(),
    "constant_pad_nd": "input pad value".split(),
    "cat": "tensors dim".split(),
    "concat": "tensors dim".split(),
}
# torch.batch_norm, as exported programs call it, has them in another order, and one more.
_BATCH_NORM_OF_ATEN = "input weight bias running_mean running_var training momentum eps cudnn_enabled".split()


def named(op: str, given: Any) -> Mapping[str, Any]:
    """An operation's arguments by name; `given` are positional and named ones, as a `Step` holds them.

    Of an operation that is not known, only the first: `input`.
    """
    positional, keywords = given
    names = _NAMES.get(op, ["input"])
    if op == "batch_norm" and len(positional) == len(_BATCH_NORM_OF_ATEN):
        names = _BATCH_NORM_OF_ATEN
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
