"""Quantized pieces of networks: with QuantizeLinear and DequantizeLinear around floats, and in integers only."""

import numpy as np

from tests.adapters.onnx_runtime.windows.nets import SignedNet


def fake_quantized(net: SignedNet, x: str, kind: type = np.uint8, scale: float = 1 / 24, zero: int = 0) -> str:
    """Rounded to a grid and back, float32."""
    grid = net.floats(scale), net.store(_zero(kind) + zero, kind)
    return net.add("DequantizeLinear", net.add("QuantizeLinear", x, *grid)[0], *grid)[0]


def fake_quantized_conv(
    net: SignedNet, x: str, kind: type = np.uint8, per_channel: bool = True, zero: int = 3, **geometry: object
) -> str:
    """A convolution of rounded values by int8 weights, with the integer bias of its scales; rounded again."""
    return _conv_of_rounded(net, fake_quantized(net, x, kind, zero=zero), kind, per_channel, zero, **geometry)


def _conv_of_rounded(
    net: SignedNet, x: str, kind: type, per_channel: bool = True, zero: int = 3, **geometry: object
) -> str:
    c = net.channels(x)
    weights = net.stored[net.weights(c, c, 3, 3)]
    largest = np.abs(weights).max(axis=(1, 2, 3) if per_channel else None)
    scale = np.float32(largest / 127)
    whole = np.rint(weights / scale.reshape(-1, 1, 1, 1)).astype(np.int8)
    names = net.store(whole, np.int8), net.floats(scale), net.store(np.zeros_like(scale), np.int8)
    kernel = net.add("DequantizeLinear", *names, axis=0)[0]
    bias_scale = np.float32(scale * np.float32(1 / 24)) * np.ones(c, np.float32)
    bias = net.random.integers(-200, 200, c)
    floats = net.add("DequantizeLinear", net.store(bias, np.int32), net.floats(bias_scale), axis=0)[0]
    made = net.add("Conv", x, kernel, floats, **{"pads": [1] * 4, **geometry})[0]
    return fake_quantized(net, made, kind, zero=zero)


def fake_quantized_residual(net: SignedNet, x: str, kind: type = np.uint8) -> str:
    """A sum of rounded branches, rounded."""
    rounded = fake_quantized(net, x, kind, zero=3)
    return fake_quantized(net, net.add("Add", rounded, _conv_of_rounded(net, rounded, kind))[0], kind, zero=3)


def quantized_conv(net: SignedNet, x: str, kind: type = np.uint8, per_channel: bool = False, zero: int = 5) -> str:
    """QLinearConv in whole numbers, from floats to floats."""
    c = net.channels(x)
    weights = net.stored[net.weights(c, c, 3, 3)]
    scale = np.float32(np.abs(weights).max(axis=(1, 2, 3) if per_channel else None) / 127)
    whole = np.rint(weights / scale.reshape(-1, 1, 1, 1)).astype(np.int8)
    grid = net.floats(1 / 24), net.store(_zero(kind) + zero, kind)
    kernel = net.store(whole, np.int8), net.floats(scale), net.store(np.zeros_like(scale), np.int8)
    numbers = net.add("QuantizeLinear", x, *grid)[0]
    bias = net.store(net.random.integers(-200, 200, c), np.int32)
    made = net.add("QLinearConv", numbers, *grid, *kernel, *grid, bias, pads=[1, 1, 0, 2])[0]
    pooled = net.add("MaxPool", made, kernel_shape=[2, 2], strides=[1, 1])[0]
    return net.add("DequantizeLinear", pooled, *grid)[0]


def integer_conv(net: SignedNet, x: str) -> str:
    """ConvInteger, padded by its zero point."""
    c = net.channels(x)
    grid = net.floats(1 / 24), net.store(7, np.uint8)
    numbers = net.add("QuantizeLinear", x, *grid)[0]
    weights = net.store(net.random.integers(-90, 90, (c, c, 3, 3)), np.int8)
    whole = net.add("ConvInteger", numbers, weights, grid[1], pads=[1] * 4)[0]
    return net.add("Mul", net.add("Cast", whole, to=1)[0], net.floats(1 / 24 / 200))[0]


def _zero(kind: type) -> int:
    """The zero point about which values of either sign fit."""
    return 118 if kind is np.uint8 else -9
