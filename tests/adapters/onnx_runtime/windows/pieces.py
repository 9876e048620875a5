"""Pieces of networks, each a function of a net under construction and a tensor (1, c, h, w) to another tensor.

Normalizations have a large epsilon: where hardly anything varies, they would make much of rounding.
"""

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from tests.adapters.onnx_runtime.windows.nets import SignedNet


def plain(op: str, **attributes: object):
    """One node without further inputs."""
    return lambda net, x: net.add(op, x, **attributes)[0]


def residual(net: SignedNet, x: str, op: str = "Add", kernels: Sequence[int] = (3, 5)) -> str:
    """Branches that look differently far, and the way around them."""
    branches = [net.conv(x, (k, k)) for k in kernels]
    joined = branches[0]
    for other in [*branches[1:], x]:
        joined = net.add(op, joined, other)[0]
    return joined


def inception(net: SignedNet, x: str, strides: Sequence[int] = (1, 1)) -> str:
    """Szegedy et al. 2015, figure 2b, narrow: four branches joined by their channels."""
    step = {"strides": strides, "auto_pad": "SAME_UPPER"}
    pooled = net.add("MaxPool", x, kernel_shape=[3, 3], **step)[0]
    branches = [net.conv(x, (k, k), out=2, **step) for k in (1, 3, 5)] + [net.conv(pooled, (1, 1), out=2)]
    return net.add("Concat", *branches, axis=1)[0]


def nested(net: SignedNet, x: str) -> str:
    """A sum of a dense join and of a residual of another reach, as NAS networks have them."""
    dense = net.add("Concat", x, net.conv(x, (3, 1)), net.conv(x, (1, 5)), axis=1)[0]
    return net.add("Add", net.conv(dense, (1, 1), out=net.channels(x)), residual(net, net.conv(x), kernels=(1, 3)))[0]


def perceptron_with_channels_last(net: SignedNet, x: str) -> str:
    """Liu et al. 2022, figure 4: normalization and two dense layers at every position."""
    c = net.channels(x)
    last = net.add("Transpose", net.conv(x, (7, 7), group=c), perm=[0, 2, 3, 1])[0]
    normed = net.add("LayerNormalization", last, net.weights(c), net.small(c), axis=-1, epsilon=0.1)[0]
    wide = net.add("Sigmoid", net.add("Add", net.add("MatMul", normed, net.weights(c, 8))[0], net.small(8))[0])[0]
    back = net.add("Transpose", net.add("MatMul", wide, net.weights(8, c))[0], perm=[0, 3, 1, 2])[0]
    return net.add("Add", x, back)[0]


def shuffle(net: SignedNet, x: str, groups: int = 2) -> str:
    """Zhang et al. 2018, section 3.1."""
    _, c, h, w = net.shapes[x]
    apart = net.add("Reshape", x, net.store([1, groups, c // groups, h, w]))[0]
    turned = net.add("Transpose", apart, perm=[0, 2, 1, 3, 4])[0]
    return net.add("Reshape", turned, net.store([1, c, h, w]))[0]


def half_of_channels(net: SignedNet, x: str, sliced: bool = False) -> str:
    """Ma et al. 2018, figure 3c: one half passes untouched."""
    c = net.channels(x)
    if sliced:
        left = net.add("Slice", x, *(net.store([v]) for v in (0, c // 2, 1)))[0]
        right = net.add("Slice", x, *(net.store([v]) for v in (c // 2, 10**9, 1)))[0]
    else:
        left, right = net.add("Split", x, net.store([c // 2, c - c // 2]), axis=1, outputs=2)
    return net.add("Concat", left, net.conv(right), axis=1)[0]


def squeeze_and_excitation(net: SignedNet, x: str, mean: str = "GlobalAveragePool") -> str:
    """Hu et al. 2018, section 3: channels weighted by what the whole map holds."""
    pooled = net.add(mean, x)[0] if mean != "ReduceMean" else net.add(mean, x, net.store([2, 3]), keepdims=1)[0]
    narrow = net.add("Relu", net.conv(pooled, (1, 1), out=3))[0]
    return net.add("Mul", x, net.add("Sigmoid", net.conv(narrow, (1, 1), out=net.channels(x)))[0])[0]


def batch_normalization(net: SignedNet, x: str) -> str:
    c = net.channels(x)
    return net.add("BatchNormalization", x, net.weights(c), net.small(c), net.small(c), net.weights(c))[0]


def instance_normalization(net: SignedNet, x: str) -> str:
    c = net.channels(x)
    return net.add("InstanceNormalization", x, net.weights(c), net.small(c), epsilon=0.1)[0]


def leaky(net: SignedNet, x: str) -> str:
    return net.add("PRelu", x, net.small(net.channels(x), 1, 1))[0]


def per_position(net: SignedNet, x: str, op: str = "Add", shape: str = "chw") -> str:
    """A constant that differs from place to place, or along one side only."""
    _, c, h, w = net.shapes[x]
    sides = {"chw": (1, c, h, w), "hw": (h, w), "h": (h, 1), "w": (w,), "c": (c, 1, 1)}[shape]
    return net.add(op, x, net.weights(*sides))[0]


def response_normalization(net: SignedNet, x: str) -> str:
    return net.add("LRN", x, size=3, alpha=0.5, beta=0.75, bias=1.0)[0]


def pad(net: SignedNet, x: str, amounts: Sequence[int] = (1, 2, 3, 0), mode: str = "constant", value: float = 0) -> str:
    """`amounts`: top, left, bottom, right."""
    given = [net.floats(value)] if mode == "constant" else []
    return net.add("Pad", x, net.store([0, 0, *amounts[:2], 0, 0, *amounts[2:]]), *given, mode=mode)[0]


def pad_channels(net: SignedNet, x: str) -> str:
    return net.add("Pad", x, net.store([0, 1, 0, 0, 0, 2, 0, 0]), mode="constant")[0]


def cut(net: SignedNet, x: str, steps: Sequence[int] = (2, 2), starts: Sequence[int] = (1, 0)) -> str:
    """Every so manieth row and column."""
    ends = [10**9 if s > 0 else -(10**9) for s in steps]
    return net.add("Slice", x, *(net.store(v) for v in (starts, ends, [2, 3], steps)))[0]


def resize(net: SignedNet, x: str, factors: Sequence[float] = (2, 2), **attributes: object) -> str:
    return net.add("Resize", x, "", net.floats([1, 1, *factors]), **attributes)[0]


def upsampled(net: SignedNet, x: str) -> str:
    """As opset 9 has it."""
    return net.add("Upsample", x, net.floats([1, 1, 2, 3]), mode="nearest")[0]


def transposed_conv(net: SignedNet, x: str, kernel: Sequence[int] = (4, 3), group: int = 1, **geometry: object) -> str:
    """Zeiler et al. 2010."""
    c = net.channels(x)
    weights = net.weights(c, 4 // group, *kernel)
    return net.add("ConvTranspose", x, weights, net.small(4), group=group, **geometry)[0]


def from_depth(net: SignedNet, x: str, mode: str = "DCR") -> str:
    return net.add("DepthToSpace", net.conv(x, (1, 1), out=12), blocksize=2, mode=mode)[0]


def to_depth(net: SignedNet, x: str) -> str:
    _, _, h, w = net.shapes[x]
    return net.add("SpaceToDepth", pad(net, x, (0, 0, h % 2, w % 2)), blocksize=2)[0]


def by_half_precision(net: SignedNet, x: str) -> str:
    """Weights kept in half the bytes, cast when they are used."""
    c = net.channels(x)
    weights = net.store(net.stored[net.weights(c, c, 3, 3)], np.float16)
    return net.add("Conv", x, net.add("Cast", weights, to=TensorProto.FLOAT)[0], pads=[1] * 4)[0]


def in_half_precision(net: SignedNet, x: str) -> str:
    """Computed in half precision from cast to cast."""
    c = net.channels(x)
    weights = net.store(net.stored[net.weights(c, c, 3, 3)], np.float16)
    half = net.add("Cast", x, to=TensorProto.FLOAT16)[0]
    made = net.add("Relu", net.add("Conv", half, weights, pads=[1] * 4)[0])[0]
    return net.add("Cast", made, to=TensorProto.FLOAT)[0]


def attention_gate(net: SignedNet, x: str) -> str:
    """Woo et al. 2018, section 3: a map of one channel, made of each position's mean and largest, scales all."""
    mean = net.add("ReduceMean", x, net.store([1]), keepdims=1)[0]
    largest = net.add("ReduceMax", x, net.store([1]), keepdims=1)[0]
    gate = net.conv(net.add("Concat", mean, largest, axis=1)[0], (5, 5), out=1)
    return net.add("Mul", x, net.add("Sigmoid", gate)[0])[0]
