"""Small ONNX files whose kernels are known, and a slow and obvious convolution to hold them against."""

import numpy as np
from onnx import TensorProto, helper

from tests.onnx_models import image_value, save
from viz.adapters.onnx_runtime import OnnxAdapter
from viz.core.model_options import ModelOptions

IMAGE = ("image", [1, 3, 12, 12])


def opened(path, **options):
    """The file as the model that viz runs, on pixels as they are."""
    return OnnxAdapter(path, ModelOptions(**{"preprocess": "unit", **options}))


def file(folder, nodes, weights, last, image=IMAGE, elem_type=TensorProto.FLOAT, **options):
    """A file with these nodes (op, inputs, output, attributes) from the image to `last`."""
    made = []
    for op, inputs, output, *attributes in nodes:
        fields = dict(attributes[0]) if attributes else {}
        made.append(helper.make_node(op, inputs, output if isinstance(output, list) else [output], **fields))
    out = helper.make_tensor_value_info(last, TensorProto.FLOAT, None)
    return save(folder / "net.onnx", made, [image_value(*image, elem_type)], [out], weights, **options)


def pixels(size=(12, 12), seed=1):
    """One image of values that an 8-bit file can hold."""
    levels = np.random.default_rng(seed).integers(0, 256, (1, 3, *size))
    return (levels / 255).astype(np.float32)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def convolved(x, kernel):
    """The kernel's layer from its input (b, c, h, w), in plain loops and float64."""
    top, left, bottom, right = kernel.pads
    x = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (top, bottom), (left, right)))
    outputs, per_group, rows, columns = kernel.weights.shape
    (down, across), (tall, wide) = kernel.strides, kernel.dilations
    height = (x.shape[2] - tall * (rows - 1) - 1) // down + 1
    width = (x.shape[3] - wide * (columns - 1) - 1) // across + 1
    result = np.zeros((len(x), outputs, height, width))
    for o in range(outputs):
        first = o // (outputs // kernel.groups) * per_group
        for y in range(height):
            for z in range(width):
                window = x[:, first : first + per_group, y * down :: tall, z * across :: wide][:, :, :rows, :columns]
                result[:, o, y, z] = (window * kernel.weights[o]).sum((1, 2, 3)) + kernel.bias[o]
    return result


def from_pixels(images, kernel):
    """What the kernel takes, from the image."""
    return np.einsum("kc,bchw->bkhw", kernel.image_weights, images) + kernel.image_offset[:, None, None]
