"""Every tensor of an ONNX graph as a layer: its names, shape, window on the image and cost."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import onnx
from numpy.typing import NDArray

from viz.adapters.onnx_graph.costs import macs_of, parameter_counts
from viz.adapters.onnx_graph.file import OnnxFile
from viz.adapters.onnx_graph.image_input import ImageInput
from viz.adapters.onnx_graph.names import aliases_of
from viz.adapters.onnx_graph.receptive_field import receptive_fields
from viz.adapters.onnx_graph.tensors import Shape
from viz.adapters.onnx_graph.zeros import zeros
from viz.core.adapter import Layer

Values = Callable[[str], NDArray[Any] | None]


def list_layers(file: OnnxFile, image: ImageInput, shapes: Mapping[str, Shape], values: Values) -> dict[str, Layer]:
    """All tensors that depend on the image's values, in execution order, by their ONNX name.

    `shapes` are those for the graph's own batch (1 where it is free); `values` gives the tensors that do
    not depend on the image's values.
    """
    graph = file.graph
    fields = receptive_fields(graph, shapes, values, image.name, image.layout, file.opset)
    zero_points = zeros(graph, values)
    aliases = aliases_of(graph, set(image_dependent(graph, image.name)))
    layers = {}
    for node, parameters in zip(graph.node, parameter_counts(graph), strict=True):
        macs = macs_of(node, shapes, values)
        for name in (output for output in node.output if output in aliases):
            shape = shapes.get(name)
            layers[name] = Layer(
                name=name,
                op=node.op_type,
                shape=_with_free_batch(shape, image.batch or 1),
                aliases=aliases[name],
                receptive_field=fields.get(name),
                parameters=parameters,
                macs=None if macs is None else macs // (image.batch or 1),
                zero=zero_points.get(name, 0.0),
            )
    return layers


def _with_free_batch(shape: Shape | None, batch: int) -> Shape | None:
    """The first axis is free where it holds the images; other tensors, such as windows of all images, keep it."""
    if not shape:
        return shape
    return (None if shape[0] in (None, batch) else shape[0], *shape[1:])


def image_dependent(graph: onnx.GraphProto, image: str) -> Iterator[str]:
    """Names of the tensors whose values follow from the image's values; shapes alone do not count."""
    known = {image}
    for node in graph.node:
        if node.op_type not in ("Shape", "Size") and known.intersection(_all_inputs(node)):
            known.update(filter(None, node.output))
            yield from filter(None, node.output)


def _all_inputs(node: onnx.NodeProto) -> Iterator[str]:
    """A node's inputs, and what the graphs inside it take from outside."""
    yield from node.input
    for attribute in node.attribute:
        if attribute.HasField("g"):
            for inner in attribute.g.node:
                yield from _all_inputs(inner)
