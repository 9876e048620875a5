"""Each operator in the middle of a small network, and whether a window is expected to pass through it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial as p

import numpy as np
from onnx import TensorProto

from tests.adapters.onnx_runtime.windows import pieces, quantized_pieces
from tests.adapters.onnx_runtime.windows.nets import SignedNet
from tests.adapters.onnx_runtime.windows.pieces import plain

Piece = Callable[[SignedNet, str], str]


@dataclass(frozen=True)
class OperatorCase:
    """What to put between two convolutions, at which opset, how its output is computed, and how exactly."""

    piece: Piece
    way: str = "window"
    opset: int = 18
    tolerance: float = 1e-4


def conv(kernel: tuple[int, int] = (3, 3), **more: object) -> Piece:
    return lambda net, x: net.conv(x, kernel, **more)


def pool(op: str, kernel: int | tuple[int, int] = 3, **more: object) -> Piece:
    kernels = [kernel] * 2 if isinstance(kernel, int) else list(kernel)
    return plain(op, kernel_shape=kernels, **more)


def resized(mode: str, coordinates: str, factors: tuple[float, float], **more: object) -> Piece:
    return p(pieces.resize, factors=factors, mode=mode, coordinate_transformation_mode=coordinates, **more)


CONVOLUTIONS: dict[str, Piece] = {
    "3x3": conv(),
    "1x1": conv((1, 1)),
    "1x7": conv((1, 7)),
    "7x2 with more padding below": conv((7, 2), pads=[1, 0, 5, 1]),
    "5x5 without padding": conv((5, 5), pads=[0] * 4),
    "more padding than kernel": conv((2, 2), pads=[4, 3, 5, 6]),
    "stride 2": conv(strides=[2, 2], pads=[1] * 4),
    "stride 3 over a 1x1 kernel": conv((1, 1), strides=[3, 2]),
    "stride 3 by 1": conv((5, 3), strides=[3, 1], pads=[2, 1, 0, 1]),
    "dilation 2 by 3": conv(dilations=[2, 3], pads=[2, 3, 2, 3]),
    "dilation 2 and stride 2": conv((4, 3), dilations=[2, 1], strides=[2, 2], pads=[3, 1, 3, 1]),
    "SAME_UPPER": conv((4, 4), auto_pad="SAME_UPPER", strides=[3, 2]),
    "SAME_LOWER": conv((4, 4), auto_pad="SAME_LOWER", strides=[3, 2]),
    "VALID": conv((4, 3), auto_pad="VALID", strides=[2, 1]),
    "groups": conv(group=2, out=4),
    "depthwise": conv(group=4, out=4),
    "depthwise twice as wide": conv((5, 5), group=4, out=8, strides=[2, 2], pads=[2] * 4),
}
POOLS: dict[str, Piece] = {
    "MaxPool": pool("MaxPool", strides=[2, 2]),
    "MaxPool padded": pool("MaxPool", strides=[2, 2], pads=[1, 1, 1, 1]),
    "MaxPool padded on one side": pool("MaxPool", (2, 3), strides=[1, 2], pads=[0, 2, 1, 0]),
    "MaxPool rounding up": pool("MaxPool", strides=[2, 2], ceil_mode=1),
    "MaxPool rounding up with pads": pool("MaxPool", 2, strides=[2, 2], ceil_mode=1, pads=[1, 0, 0, 1]),
    "MaxPool dilated": pool("MaxPool", (3, 2), dilations=[2, 3], pads=[1, 0, 1, 1]),
    "MaxPool SAME_LOWER": pool("MaxPool", (4, 2), strides=[2, 2], auto_pad="SAME_LOWER"),
    "MaxPool with gaps": pool("MaxPool", 1, strides=[2, 3]),
    "AveragePool": pool("AveragePool", strides=[2, 1]),
    "AveragePool padded": pool("AveragePool", strides=[2, 2], pads=[1, 1, 1, 1]),
    "AveragePool counting pads": pool("AveragePool", strides=[2, 2], pads=[2, 1, 1, 0], count_include_pad=1),
    "AveragePool rounding up": pool("AveragePool", 3, strides=[2, 2], ceil_mode=1),
    "AveragePool SAME_UPPER": pool("AveragePool", (4, 3), strides=[2, 2], auto_pad="SAME_UPPER"),
    "LpPool": pool("LpPool", 2, strides=[2, 2]),
}
JOINS: dict[str, Piece] = {
    "sum of branches": pieces.residual,
    "product of branches": p(pieces.residual, op="Mul"),
    "largest of branches": p(pieces.residual, op="Max", kernels=(7, 1, 3)),
    "Sum": lambda net, x: net.add("Sum", x, net.conv(x), net.conv(x, (1, 5)))[0],
    "branches joined": pieces.inception,
    "branches joined after strides": p(pieces.inception, strides=(2, 3)),
    "joins inside of sums": pieces.nested,
    "half of the channels": pieces.half_of_channels,
    "half of the channels by Slice": p(pieces.half_of_channels, sliced=True),
    "channels shuffled": pieces.shuffle,
    "gate from every position": pieces.attention_gate,
    "product with itself": lambda net, x: net.add("Mul", x, x)[0],
    "sum with a constant map": lambda net, x: net.add("Add", x, pieces.per_position(net, net.conv(x), "Mul"))[0],
}
PLACEWISE: dict[str, Piece] = {
    "Relu": plain("Relu"),
    "Clip": lambda net, x: net.add("Clip", x, net.floats(-0.5), net.floats(1.0))[0],
    "HardSwish": plain("HardSwish"),
    "LeakyRelu": plain("LeakyRelu", alpha=0.2),
    "PRelu": pieces.leaky,
    "BatchNormalization": pieces.batch_normalization,
    "LRN": pieces.response_normalization,
    "Softmax over channels": plain("Softmax", axis=1),
    "dense layers with channels last": pieces.perceptron_with_channels_last,
    "Identity and Dropout": lambda net, x: net.add("Dropout", net.add("Identity", x)[0])[0],
    "constant map": pieces.per_position,
    "constant per row": p(pieces.per_position, op="Mul", shape="h"),
    "constant per column": p(pieces.per_position, op="Sub", shape="w"),
    "constant map of all channels": p(pieces.per_position, op="Div", shape="hw"),
    "constant per channel": p(pieces.per_position, op="Mul", shape="c"),
    "sides swapped": plain("Transpose", perm=[0, 1, 3, 2]),
    "channels padded": pieces.pad_channels,
    "weights in half precision": pieces.by_half_precision,
}
MOVED: dict[str, Piece] = {
    "Pad": pieces.pad,
    "Pad by a number": p(pieces.pad, value=1.5),
    "Pad by mirrored rows": p(pieces.pad, mode="reflect"),
    "Pad by the last row": p(pieces.pad, mode="edge"),
    "Pad that cuts": p(pieces.pad, amounts=(-2, 1, 0, -3)),
    "Slice with steps": pieces.cut,
    "Slice from the middle": p(pieces.cut, steps=(1, 1), starts=(3, 5)),
    "Resize nearest": resized("nearest", "asymmetric", (2, 3), nearest_mode="floor"),
    "Resize nearest half_pixel": resized("nearest", "half_pixel", (1.5, 2)),
    "Resize linear": resized("linear", "half_pixel", (2, 1.5)),
    "Resize linear align_corners": resized("linear", "align_corners", (2, 3)),
    "Resize linear smaller": resized("linear", "half_pixel", (0.5, 0.75)),
    "Resize linear smaller antialiased": resized("linear", "half_pixel", (0.5, 0.5), antialias=1),
    "Resize cubic": resized("cubic", "half_pixel", (2, 1.5)),
    "Resize cubic asymmetric": resized("cubic", "asymmetric", (2, 2)),
}
QUANTIZED: dict[str, Piece] = {
    "rounded to uint8": p(quantized_pieces.fake_quantized, zero=118),
    "rounded to int8": p(quantized_pieces.fake_quantized, kind=np.int8),
    "convolution in uint8": quantized_pieces.fake_quantized_conv,
    "convolution in int8": p(quantized_pieces.fake_quantized_conv, kind=np.int8, per_channel=False),
    "strided convolution in uint8": p(quantized_pieces.fake_quantized_conv, strides=[2, 2], pads=[0, 1, 2, 1]),
    "residual in uint8": quantized_pieces.fake_quantized_residual,
    "residual in int8": p(quantized_pieces.fake_quantized_residual, kind=np.int8),
    "QLinearConv": quantized_pieces.quantized_conv,
    "QLinearConv per channel in int8": p(quantized_pieces.quantized_conv, kind=np.int8, per_channel=True),
    "ConvInteger": quantized_pieces.integer_conv,
}
# Places decide by themselves, but these are rare in classifiers and have no rule.
WITHOUT_RULE: dict[str, Piece] = {
    "Slice backwards": p(pieces.cut, steps=(-1, -2), starts=(-1, -2)),
    "ConvTranspose": p(pieces.transposed_conv, strides=[2, 2]),
    "ConvTranspose padded": p(pieces.transposed_conv, strides=[2, 3], pads=[1, 1, 1, 0], output_padding=[1, 0]),
    "ConvTranspose dilated in groups": p(pieces.transposed_conv, group=2, dilations=[1, 2], pads=[1, 0, 2, 1]),
    "DepthToSpace": pieces.from_depth,
    "DepthToSpace CRD": p(pieces.from_depth, mode="CRD"),
    "SpaceToDepth": pieces.to_depth,
}
MIXING: dict[str, Piece] = {
    "squeeze and excitation": pieces.squeeze_and_excitation,
    "squeeze and excitation by ReduceMean": p(pieces.squeeze_and_excitation, mean="ReduceMean"),
    "squeeze by the largest": p(pieces.squeeze_and_excitation, mean="GlobalMaxPool"),
    "InstanceNormalization": pieces.instance_normalization,
    "Softmax over columns": plain("Softmax", axis=3),
    "columns mixed": lambda net, x: net.add("MatMul", x, net.weights(net.shapes[x][3], net.shapes[x][3]))[0],
}

OPERATORS: dict[str, OperatorCase] = {
    **{
        name: OperatorCase(piece)
        for table in (CONVOLUTIONS, POOLS, JOINS, PLACEWISE, MOVED, QUANTIZED)
        for name, piece in table.items()
    },
    **{name: OperatorCase(piece, "full") for table in (WITHOUT_RULE, MIXING) for name, piece in table.items()},
    "Upsample": OperatorCase(pieces.upsampled, opset=9),
    # The last bit of half precision, where sums over windows of another size are taken in another order.
    "half precision": OperatorCase(pieces.in_half_precision, tolerance=1e-3),
}
assert len(OPERATORS) == 2 + sum(
    map(len, (CONVOLUTIONS, POOLS, JOINS, PLACEWISE, MOVED, QUANTIZED, WITHOUT_RULE, MIXING))
)

KINDS = {"nchw": ("nchw", TensorProto.FLOAT), "nhwc": ("nhwc", TensorProto.FLOAT), "bytes": ("nhwc", TensorProto.UINT8)}
