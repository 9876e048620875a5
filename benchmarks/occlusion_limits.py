"""How much faster exact occlusion can be: multiply-accumulates of whole passes over those that a patch can reach.

Written apart from viz's own plan, so that it can judge it. A position of a map has to be computed for a variant where
one of the pixels that it sees lies under the patch. Along one axis these positions are an interval, which every layer
moves and widens; over a grid of patches rows and columns are independent, so sums over the grid are products.
What mixes all positions (a global mean, a dense layer) is computed whole, and so is one pass of the clean image.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

_IN_PLACE = frozenset("Add BatchNormalization Clip Div Identity LeakyRelu Mul Relu Sigmoid Sub Tanh".split())
_MOVING = frozenset("AveragePool Conv MaxPool".split())
_MIXING = frozenset("Flatten Gemm GlobalAveragePool MatMul ReduceMean Reshape".split())

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Reach:
    """Where a patch at each of its starts is seen, along one axis: positions `first` up to but without `stop`."""

    first: NDArray[np.intp]
    stop: NDArray[np.intp]

    def through(self, kernel: int, stride: int, dilation: int, pad: int, size: int) -> "Reach":
        """Behind a convolution or pooling whose result has `size` positions."""
        first = -(-(self.first + pad - (kernel - 1) * dilation) // stride)
        return Reach(np.maximum(first, 0), np.minimum((self.stop - 1 + pad) // stride + 1, size))

    def with_other(self, other: "Reach") -> "Reach":
        """Where either is seen."""
        return Reach(np.minimum(self.first, other.first), np.maximum(self.stop, other.stop))

    @property
    def total(self) -> int:
        """Positions, summed over all starts."""
        return int((self.stop - self.first).sum())


def limit(path: Path, side: int, starts: Sequence[int]) -> float:
    """Naive over needed multiply-accumulates, for patches of `side` pixels at all pairs of `starts`.

    Raises `SystemExit` for an operator that is not known here.
    """
    graph = onnx.shape_inference.infer_shapes(_with_one_image(path), data_prop=True).graph
    shapes = _shapes(graph)
    start = np.array(starts)
    reaches: dict[str, Reach | None] = {graph.input[0].name: Reach(start, start + side)}
    whole = needed = 0
    for node in graph.node:
        seen = [reaches[name] for name in node.input if name in reaches]
        if seen:
            reach = reaches[node.output[0]] = _behind(node, seen, shapes)
            macs, places = _macs(node, shapes), len(start) ** 2
            whole += macs * places
            needed += macs * places if reach is None else macs * reach.total**2 // prod(shapes[node.output[0]][2:])
            needed += macs  # of the clean image
    return whole / needed


def _with_one_image(path: Path) -> onnx.ModelProto:
    """The graph for a batch of 1, without the shapes that were stored for any batch."""
    model = onnx.load(path)
    del model.graph.value_info[:]
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    return model


def _shapes(graph: onnx.GraphProto) -> dict[str, Shape]:
    values = (*graph.input, *graph.value_info, *graph.output)
    found = {value.name: tuple(d.dim_value for d in value.type.tensor_type.shape.dim) for value in values}
    return found | {weight.name: tuple(weight.dims) for weight in graph.initializer}


def _behind(node: onnx.NodeProto, seen: Sequence[Reach | None], shapes: Mapping[str, Shape]) -> Reach | None:
    """What the patch reaches in a node's result; None: all of it."""
    reaches = [reach for reach in seen if reach is not None]
    if len(reaches) < len(seen) or node.op_type in _MIXING:
        return None
    if node.op_type in _IN_PLACE:
        reach = reaches[0]
        for other in reaches[1:]:
            reach = reach.with_other(other)
        return reach
    if node.op_type in _MOVING:
        return reaches[0].through(*_geometry(node, shapes), shapes[node.output[0]][2])
    raise SystemExit(f"{node.op_type} ({node.output[0]}) is not known to benchmarks/occlusion_limits.py")


def _geometry(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> tuple[int, int, int, int]:
    """Kernel, stride, dilation and pad, which have to be the same along both axes."""
    given = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    kernel = given.get("kernel_shape") or shapes[node.input[1]][2:]
    strides, dilations = given.get("strides", [1, 1]), given.get("dilations", [1, 1])
    pads = given.get("pads", [0, 0, 0, 0])
    uneven = any(len({*pair}) > 1 for pair in (kernel, strides, dilations, pads[:2]))
    if uneven or given.get("auto_pad", b"NOTSET") != b"NOTSET":
        raise SystemExit(f"{node.output[0]}: benchmarks/occlusion_limits.py knows square windows with given pads only")
    return kernel[0], strides[0], dilations[0], pads[0]


def _macs(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> int:
    """Multiply-accumulates of a whole layer for one image."""
    out = shapes[node.output[0]]
    if node.op_type == "Conv":
        return prod(out) * prod(shapes[node.input[1]][1:])
    if node.op_type in ("Gemm", "MatMul"):
        return prod(out) * shapes[node.input[0]][-1]
    return 0
