"""What is known about the graph before it is rewritten: shapes, types, constants, what each tensor sees."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from viz.adapters.onnx_graph.file import opset_of
from viz.adapters.onnx_graph.layers import image_dependent
from viz.adapters.onnx_graph.receptive_field.step import Spans, Step
from viz.adapters.onnx_graph.receptive_field.tracing import SPATIAL_AXES, seen_spans
from viz.core.preprocess import Layout

Constants = Callable[[str], NDArray[Any] | None]
Shapes = Mapping[str, tuple[int | None, ...]]
TryNode = Callable[[str, list[str], Mapping[str, NDArray[Any]], Mapping[str, Any]], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Facts:
    """The graph, which takes any batch, and what is known about its tensors.

    Attributes:
        model: the graph.
        image: name of its image input.
        layout: order of that input's axes.
        shapes: shapes of all tensors for a batch of `batch` images.
        types: ONNX element types.
        constants: values of tensors that do not depend on the image, else None.
        macs: multiply-accumulates of the node that makes a tensor, for one image.
        batch: how many images the shapes are for.
        by_products: whether kernels of one tap are computed as products of matrices, which spares laying out values
            anew and gives other last digits.
        try_node: runs one node: operator, names of its inputs, their values, its attributes; gives its first output.
    """

    model: onnx.ModelProto
    image: str
    layout: Layout
    shapes: Shapes
    types: Mapping[str, int]
    constants: Constants
    macs: Mapping[str, int | None]
    try_node: TryNode
    batch: int = 1
    by_products: bool = False

    @property
    def graph(self) -> onnx.GraphProto:
        """The graph."""
        return self.model.graph

    @cached_property
    def opset(self) -> int:
        """Version of the standard operator set."""
        return opset_of(self.model)

    @cached_property
    def spans(self) -> Mapping[str, Spans | None]:
        """What of the image's height and width each tensor sees."""
        return seen_spans(self.graph, self.shapes, self.constants, self.image, self.layout, self.opset)

    @cached_property
    def moving(self) -> frozenset[str]:
        """Tensors whose values follow from the image's, itself included."""
        return frozenset([self.image, *image_dependent(self.graph, self.image)])

    @property
    def image_axes(self) -> tuple[int, int]:
        """The image input's axes along height and width."""
        return SPATIAL_AXES[self.layout]

    def shape(self, name: str) -> tuple[int, ...] | None:
        """A tensor's shape, or None where an axis of it is not known."""
        shape = self.shapes.get(name)
        if shape is None and (value := self.constants(name)) is not None:
            return value.shape
        known = [length for length in shape or () if length is not None]
        return tuple(known) if shape is not None and len(known) == len(shape) else None

    def step(self, node: onnx.NodeProto) -> Step:
        """A node with what is known about its inputs."""
        known = {name: seen for name in node.input if (seen := self.spans.get(name)) is not None}
        return Step(node, 0, known, self.shapes, self.constants, self.opset)

    def scalar(self, name: str, default: float) -> float:
        """The value of a constant that is one number; the default where it is absent."""
        value = self.constants(name) if name else None
        if value is None or np.size(value) == 0:
            return default
        return float(np.ravel(np.asarray(value))[0])
