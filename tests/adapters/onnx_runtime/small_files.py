"""ONNX files whose gradients can be written down: linear scores of the image, and chains of given nodes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from tests.onnx_models import image_value, save
from viz.core.model_options import ModelOptions

SIZE = (5, 4)
UNIT = ModelOptions(preprocess="unit", device="cpu")


def weights_of(channels: int, classes: int = 3, seed: int = 0) -> NDArray[np.float32]:
    """What each class gives for each value of the input in channel order: (classes, channels, h, w)."""
    return np.random.default_rng(seed).normal(size=(classes, channels, *SIZE)).astype(np.float32)


def linear_file(
    path: Path,
    weights: NDArray[np.float32],
    layout: str = "nchw",
    elem_type: int = TensorProto.FLOAT,
    batch: int | str = "n",
) -> Path:
    """`scores`: each class's sum of weights times input values. Half precision is half throughout."""
    channels = weights.shape[1]
    dims = [batch, channels, *SIZE] if layout == "nchw" else [batch, *SIZE, channels]
    nodes, last = [], "image"
    if elem_type == TensorProto.UINT8:
        nodes.append(helper.make_node("Cast", [last], ["floats"], to=TensorProto.FLOAT))
        last = "floats"
    if layout == "nhwc":
        nodes.append(helper.make_node("Transpose", [last], ["channels_first"], perm=[0, 3, 1, 2]))
        last = "channels_first"
    half = elem_type == TensorProto.FLOAT16
    matrix = weights.reshape(len(weights), -1).T.astype(np.float16 if half else np.float32)
    nodes += [
        helper.make_node("Flatten", [last], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
    ]
    output = image_value("scores", [batch, len(weights)], TensorProto.FLOAT16 if half else TensorProto.FLOAT)
    return save(path, nodes, [image_value("image", dims, elem_type)], [output], {"weights": matrix})


def chain_file(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, Any],
    output: str,
    *,
    batch: int | str = "n",
    output_type: int = TensorProto.FLOAT,
    opset: int = 17,
) -> Path:
    """Nodes that begin with `image` (batch, 3, h, w)."""
    inputs = [image_value("image", [batch, 3, *SIZE])]
    return save(path, nodes, inputs, [image_value(output, None, output_type)], constants, opset)


def images_of(count: int, seed: int = 1) -> NDArray[np.float32]:
    """Different pictures, (count, 3, h, w), of whole 255ths, so that rounding to bytes changes nothing."""
    whole = np.random.default_rng(seed).integers(1, 255, (count, 3, *SIZE))
    return (whole / 255).astype(np.float32)


def noise(count, size=(16, 16)):
    """Different random pictures, for files of another size."""
    return np.random.default_rng(2).random((count, 3, *size), np.float32)


def branching_file(path):
    """The scores times three where the image is nearly white, which noise never is."""
    branches = {
        f"{name}_branch": helper.make_graph(
            [helper.make_node("Mul", ["linear", factor], [name])],
            name,
            [],
            [helper.make_tensor_value_info(name, 1, None)],
        )
        for name, factor in (("then", "three"), ("else", "one"))
    }
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["linear"]),
        helper.make_node("ReduceMean", ["image"], ["mean"], keepdims=0),
        helper.make_node("Greater", ["mean", "much"], ["bright"]),
        helper.make_node("If", ["bright"], ["scores"], **branches),
    ]
    constants = {
        "weights": weights_of(3).reshape(3, -1).T,
        "much": np.float32(0.9),
        "three": np.float32(3),
        "one": np.float32(1),
    }
    return chain_file(path, nodes, constants, "scores", batch=1)


def _rounding(values, zero_point):
    return {"scale": np.float32(values), "zero": np.uint8(zero_point)}


def quantized_convolution(path):
    """Integers from the image to the scores."""
    nodes = [
        helper.make_node("QuantizeLinear", ["image", "scale", "zero"], ["bytes"]),
        helper.make_node(
            "QLinearConv",
            ["bytes", "scale", "zero", "kernel", "scale", "zero", "scale", "zero"],
            ["convolved"],
            "conv1",
        ),
        helper.make_node("DequantizeLinear", ["convolved", "scale", "zero"], ["scores"]),
    ]
    kernel = np.random.default_rng(0).integers(0, 90, (2, 3, 3, 3)).astype(np.uint8)
    return chain_file(path, nodes, {**_rounding(1 / 64, 0), "kernel": kernel}, "scores")


def fake_quantized(path, classes=3, zero=3):
    """Pixels rounded to 64ths before a linear layer, and cut below -zero / 64."""
    nodes = [
        helper.make_node("QuantizeLinear", ["image", "scale", "zero"], ["bytes"], "q"),
        helper.make_node("DequantizeLinear", ["bytes", "scale", "zero"], ["rounded"]),
        helper.make_node("Flatten", ["rounded"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
    ]
    matrix = weights_of(3, classes).reshape(classes, -1).T
    return chain_file(path, nodes, {**_rounding(1 / 64, zero), "weights": matrix}, "scores")
