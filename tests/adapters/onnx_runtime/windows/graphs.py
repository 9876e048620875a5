"""Random small networks: a few drawn steps after a convolution, ending in class scores or in a map."""

from collections.abc import Callable
from functools import partial as p

import numpy as np
from hypothesis import strategies as st

from tests.adapters.onnx_runtime.windows import pieces, quantized_pieces
from tests.adapters.onnx_runtime.windows.nets import SignedNet
from tests.adapters.onnx_runtime.windows.operator_cases import KINDS
from tests.adapters.random_graphs import (
    Draw,
    add_earlier,
    blocks,
    concat_channels,
    crop,
    fits,
    join_in_space,
    may_round_up,
    mix_columns,
    normalize,
    pad,
    pick,
    pool,
    resize,
    shuffle_channels,
    spatial,
    squeeze_and_excite,
    through_other_layout,
    transposed_conv,
)

Step = Callable[[SignedNet, str, Draw], str]


def drawn_conv(net: SignedNet, x: str, draw: Draw) -> str:
    """Any kernel from 1x1 to 7x7, stride, dilation, pads and groups for which there is room."""
    kernel = [draw(st.integers(1, 7)) for _ in range(2)]
    strides = [draw(st.sampled_from([1, 1, 1, 2, 3])) for _ in range(2)]
    dilations = [draw(st.sampled_from([1, 1, 2, 3])) for _ in range(2)]
    window: dict[str, object] = {"kernel_shape": kernel, "strides": strides, "dilations": dilations}
    how = draw(st.sampled_from(["SAME_UPPER", "SAME_LOWER", "VALID", "pads", "pads"]))
    if how == "pads":
        window["pads"] = [
            draw(st.integers(0, min(k * d, 6))) for _ in range(2) for k, d in zip(kernel, dilations, strict=True)
        ]
    elif how == "VALID" or dilations == [1, 1]:  # onnxruntime has no SAME with dilations
        window["auto_pad"] = how
    else:
        window["pads"] = [(k - 1) * d // 2 for k, d in zip(kernel, dilations, strict=True)] * 2
    if not fits(net, x, window):
        return x
    group = draw(st.sampled_from([g for g in (1, 2, net.channels(x)) if net.channels(x) % g == 0]))
    return net.conv(
        x, kernel, out=max(4, group), group=group, **{k: v for k, v in window.items() if k != "kernel_shape"}
    )


def drawn_pool(net: SignedNet, x: str, draw: Draw) -> str:
    """As in `random_graphs`; averages that count their padding as well."""
    if draw(st.booleans()):
        return pool(net, x, draw)
    kernel, strides = ([draw(st.integers(1, 4)) for _ in range(2)] for _ in range(2))
    pads = [draw(st.integers(0, k - 1)) for _ in range(2) for k in kernel]
    window: dict[str, object] = {"kernel_shape": kernel, "strides": strides, "dilations": [1, 1], "pads": pads}
    if not fits(net, x, window):
        return x
    del window["dilations"]
    ceil = draw(st.integers(0, 1)) if may_round_up(window) else 0
    return net.add("AveragePool", x, count_include_pad=draw(st.integers(0, 1)), ceil_mode=ceil, **window)[0]


def one_of(*choices: Callable[[SignedNet, str], str]) -> Step:
    return lambda net, x, draw: draw(st.sampled_from(choices))(net, x)


def drawn_residual(net: SignedNet, x: str, draw: Draw) -> str:
    kernels = [draw(st.integers(1, 7)) for _ in range(draw(st.integers(1, 3)))]
    return pieces.residual(net, x, draw(st.sampled_from(["Add", "Mul", "Max", "Sub"])), kernels)


def drawn_inception(net: SignedNet, x: str, draw: Draw) -> str:
    return pieces.inception(net, x, [draw(st.integers(1, 2)) for _ in range(2)])


def drawn_normalization(net: SignedNet, x: str, draw: Draw) -> str:
    return draw(st.sampled_from([pieces.batch_normalization, pieces.response_normalization, pieces.leaky]))(net, x)


def drawn_constant(net: SignedNet, x: str, draw: Draw) -> str:
    op, shape = draw(st.sampled_from(["Add", "Mul", "Sub"])), draw(st.sampled_from(["chw", "hw", "h", "w", "c"]))
    return pieces.per_position(net, x, op, shape)


def drawn_quantized(net: SignedNet, x: str, draw: Draw) -> str:
    piece = draw(st.sampled_from([quantized_pieces.fake_quantized_residual, quantized_pieces.fake_quantized_conv]))
    # A value rounded twice makes onnxruntime 1.31 take a QuantizeLinear away and leave its bytes to a float sum.
    return piece(net, net.conv(x, (1, 1)), draw(st.sampled_from([np.uint8, np.int8])))


def even(piece: Callable[[SignedNet, str], str]) -> Step:
    """Pieces that halve the channels; others pass unchanged."""
    return lambda net, x, draw: piece(net, x) if net.channels(x) % 2 == 0 else x


activation = one_of(*(pieces.plain(op) for op in ("Relu", "Sigmoid", "HardSwish", "Tanh", "Identity", "Dropout")))
channelwise = one_of(pieces.plain("Softmax", axis=1), pieces.pad_channels, pieces.attention_gate)

LOCAL: list[Step] = [
    drawn_conv,
    drawn_conv,
    drawn_pool,
    drawn_residual,
    drawn_inception,
    add_earlier,
    concat_channels,
    one_of(pieces.nested),
    even(p(pieces.half_of_channels, sliced=True)),
    even(pieces.half_of_channels),
]
BETWEEN: list[Step] = [
    activation,
    channelwise,
    drawn_normalization,
    drawn_constant,
    through_other_layout,
    shuffle_channels,
    one_of(pieces.perceptron_with_channels_last),
    one_of(pieces.by_half_precision),
]
MOVING: list[Step] = [resize, resize, pad, crop, transposed_conv, blocks, pick, join_in_space]
MIXING: list[Step] = [squeeze_and_excite, mix_columns, normalize, one_of(pieces.instance_normalization)]
MIXING += [one_of(pieces.squeeze_and_excitation)]


@st.composite
def nets(draw: Draw, *steps: list[Step]) -> tuple[SignedNet, str]:
    """A network that takes one step (or none: no room) from each list in turn, and its output."""
    height, width = draw(st.integers(14, 30)), draw(st.integers(14, 30))
    layout, kind = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    net = SignedNet(height, width, layout, draw(st.integers(0, 99)), kind)
    x = net.conv(net.first, out=4)
    for choice in steps:
        before, x = x, draw(st.sampled_from(choice))(net, x, draw)
        if max(spatial(net, x)) > 64 or net.channels(x) > 24:
            x = net.conv(before, (1, 1))
    return net, draw(st.sampled_from([net.scores, p(net.scores, pooled=False), net.conv]))(x)
