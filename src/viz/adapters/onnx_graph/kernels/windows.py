"""How a convolution slides: strides, pads and dilations of its node."""

from dataclasses import dataclass

import onnx

from viz.adapters.onnx_graph.kernels.facts import Facts, attribute

Pair = tuple[int, int]


@dataclass(frozen=True)
class Windows:
    """See `viz.core.kernel.Kernel`."""

    strides: Pair = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: Pair = (1, 1)


def windows_of(node: onnx.NodeProto, size: Pair, facts: Facts, first: int) -> Windows:
    """Those of a convolution with a kernel of `size` whose data has its rows along axis `first`."""
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
    return Windows(strides, (top, left, bottom, right), dilations)


def _pair(node: onnx.NodeProto, name: str) -> Pair:
    first, second = attribute(node, name, [1, 1])
    return int(first), int(second)


def _automatic(mode: str, length: int | None, stride: int, reach: int) -> Pair:
    """Pads before and after that give ceil(length / stride) positions; an odd one at the end for SAME_UPPER."""
    if length is None:
        return 0, 0
    total = max((-(-length // stride) - 1) * stride + reach - length, 0)
    return (total // 2, total - total // 2) if mode == "SAME_UPPER" else (total - total // 2, total // 2)
