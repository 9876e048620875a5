"""How a convolution slides: strides, pads and dilations of its node."""

from dataclasses import dataclass

import onnx

from viz.adapters.onnx_graph.kernels.axes import pads_of
from viz.adapters.onnx_graph.kernels.facts import Facts, attribute

Pair = tuple[int, int]
Pads = tuple[int, int, int, int]


@dataclass(frozen=True)
class Windows:
    """See `viz.core.kernel.Kernel`."""

    strides: Pair = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    dilations: Pair = (1, 1)


def windows_of(
    node: onnx.NodeProto, size: Pair, facts: Facts, first: int, pad: onnx.NodeProto | None = None
) -> Windows:
    """Those of a convolution with a kernel of `size` whose data has its rows along axis `first`.

    `pad` is a node before it that adds rows and columns: they count as its own.
    """
    strides, dilations = _pair(node, "strides"), _pair(node, "dilations")
    mode = attribute(node, "auto_pad", b"NOTSET").decode()
    if mode == "NOTSET":
        top, left, bottom, right = attribute(node, "pads", [0, 0, 0, 0])
    else:
        shape = facts.shapes.get(node.input[0], ())
        lengths = shape[first : first + 2] if mode.startswith("SAME") else (None, None)
        (top, bottom), (left, right) = (
            _automatic(mode, length, strides[k], dilations[k] * (size[k] - 1) + 1)
            for k, length in enumerate(lengths or (None, None))
        )
    own = (int(top), int(left), int(bottom), int(right))
    return Windows(strides, own if pad is None else _with(own, pad, facts, first), dilations)


def _with(own: Pads, pad: onnx.NodeProto, facts: Facts, first: int) -> Pads:
    before = pads_of(pad, facts) or {}
    rows, columns = before.get(first, (0, 0)), before.get(first + 1, (0, 0))
    return own[0] + rows[0], own[1] + columns[0], own[2] + rows[1], own[3] + columns[1]


def _pair(node: onnx.NodeProto, name: str) -> Pair:
    first, second = attribute(node, name, [1, 1])
    return int(first), int(second)


def _automatic(mode: str, length: int | None, stride: int, reach: int) -> Pair:
    """Pads before and after that give ceil(length / stride) positions; an odd one at the end for SAME_UPPER."""
    if length is None:
        return 0, 0
    total = max((-(-length // stride) - 1) * stride + reach - length, 0)
    return (total // 2, total - total // 2) if mode == "SAME_UPPER" else (total - total // 2, total // 2)
