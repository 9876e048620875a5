"""Kernels that slide do so over any size; a pool that stood for the whole map does not."""

from viz.adapters.onnx_graph.other_size.step import Lengths, Step
from viz.adapters.onnx_graph.other_size.table import holds


@holds("Conv", "ConvInteger", "QLinearConv", "FusedConv", "NhwcConv", "NhwcFusedConv", "ConvTranspose")
def convolution(step: Step) -> str:
    """The channels are the weights' own; the runtime holds them against the image's."""
    stated = step.node.op_type == "ConvTranspose" and step.attribute("output_shape") is not None
    return "has its output's size written into the file" if stated else ""


@holds("MaxPool", "AveragePool", "LpPool", "QLinearAveragePool", "NhwcMaxPool")
def pooling(step: Step) -> str:
    """One window over the whole map was meant as global, and must not go on as one that misses a part of it."""
    nhwc = step.attribute("channels_last", 0) or step.node.op_type == "NhwcMaxPool"
    first = 1 if nhwc else 2
    kernel = step.attribute("kernel_shape")
    for k, length in enumerate(kernel):
        own, given = step.read()[first + k], step.given()[first + k]
        if own[0] != own[1] and _covers(step, k, len(kernel), length, own) and given == (1, 1):
            return f"covers all of its map at the model's own size, {own[0]} positions of which there are {own[1]} here"
    return ""


def _covers(step: Step, k: int, axes: int, kernel: int, length: Lengths) -> bool:
    """Whether one window is, without padding, the whole axis at the model's own size."""
    reach = int(step.attribute("dilations", [1] * axes)[k]) * (kernel - 1) + 1
    pads = step.attribute("pads", [0] * 2 * axes)
    return reach == length[0] > 1 and pads[k] == pads[k + axes] == 0


@holds("Resize", "Upsample")
def resizing(step: Step) -> str:
    """A factor holds at any size; a size does not, unless the graph computes it."""
    sized = len(step.node.input) > 3 and step.node.input[3]
    for mine, result in zip(step.read(), step.given(), strict=True):
        if sized and mine[0] != mine[1] and result[0] == result[1]:
            return f"resizes to {result[0]} positions, a size that is written into the file"
    return ""
