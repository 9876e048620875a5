"""The pass over a graph: from what a node's inputs see to what its outputs see."""

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Literal

import onnx

# Importing a family registers its rules.
from viz.adapters.onnx_graph.receptive_field import combining, reordering, resampling, selecting, sliding  # noqa: F401
from viz.adapters.onnx_graph.receptive_field.span import Shape, Span
from viz.adapters.onnx_graph.receptive_field.step import RULES, Constants, NotKnown, Spans, Step
from viz.core.adapter import ReceptiveField

SPATIAL_AXES = {"nchw": (2, 3), "nhwc": (1, 2)}
# Operators that look at a tensor's shape or type, never at its values.
VALUE_FREE = frozenset({"Shape", "Size", "EyeLike", "RandomNormalLike", "RandomUniformLike"})
DOMAINS = frozenset({"", "ai.onnx", "com.microsoft"})


def receptive_fields(
    graph: onnx.GraphProto,
    shapes: Mapping[str, Shape],
    constants: Constants,
    image_input: str,
    layout: Literal["nchw", "nhwc"],
    opset: int | None = None,
) -> dict[str, ReceptiveField | None]:
    """The window of pixels that each tensor sees; None = not known, no entry = does not depend on the image.

    `shapes` come from shape inference with a concrete image size; `constants` gives the value of a tensor
    that the graph stores or folds, else None. Without an opset, operators whose meaning changed (Softmax)
    get the wider of the two windows. Strides that are no binary fraction (1/3) are rounded to a float:
    round positions to 1e-6 before flooring them.
    """
    spans = seen_spans(graph, shapes, constants, image_input, layout, opset)
    return {name: None if seen is None else _public(*seen) for name, seen in spans.items()}


def seen_spans(
    graph: onnx.GraphProto,
    shapes: Mapping[str, Shape],
    constants: Constants,
    image_input: str,
    layout: Literal["nchw", "nhwc"],
    opset: int | None = None,
) -> dict[str, Spans | None]:
    """The same with exact bounds, and with the tensor axis (if any) along which each window moves."""
    spans: dict[str, Spans | None] = {image_input: _of_image(shapes.get(image_input), layout)}
    for node in graph.node:
        read = {name: spans[name] for name in _tensors_read(node) if name in spans}
        known = {name: seen for name, seen in read.items() if seen is not None}
        if read and node.op_type not in VALUE_FREE:
            for index, name in enumerate(node.output):
                step = Step(node, index, known, shapes, constants, opset)
                spans[name] = _seen(step) if len(known) == len(read) else None
    spans.pop("", None)
    return spans


def _of_image(shape: Shape | None, layout: str) -> Spans | None:
    y, x = SPATIAL_AXES[layout]
    height, width = (shape[y], shape[x]) if shape is not None and len(shape) == 4 else (None, None)
    return None if height is None or width is None else (Span.of_image(height, y), Span.of_image(width, x))


def _tensors_read(node: onnx.NodeProto) -> Iterator[str]:
    """Inputs, and what the graphs inside a node (the branches of If) take from around it."""
    yield from node.input
    for attribute in node.attribute:
        for graph in [attribute.g, *attribute.graphs]:
            for inner in graph.node:
                yield from _tensors_read(inner)


def _seen(step: Step) -> Spans | None:
    rule = RULES.get(step.node.op_type) if step.node.domain in DOMAINS else None
    if rule is None or not step.image_inputs():
        return None
    try:
        return rule(step)
    except (NotKnown, IndexError):  # an index is out of range where shape inference contradicts the graph
        return None


def _public(y: Span, x: Span) -> ReceptiveField:
    # A merged axis has positions that no stride describes: what all of them see is all that can be said.
    y, x = (span.fixed(None) if span.fold else span for span in (y, x))
    (size_y, offset_y), (size_x, offset_x) = _size_and_offset(y), _size_and_offset(x)
    steps = (float(y.step), float(x.step))
    return ReceptiveField((size_y, size_x), steps, (offset_y, offset_x), y.is_whole and x.is_whole)


def _size_and_offset(span: Span) -> tuple[int, float]:
    """Whole pixels: what rounding up adds goes half to either side, where it mostly meets no further pixel."""
    if span.is_whole:
        return span.extent, 0.0
    size = ceil(span.high - span.low) + 1
    return size, float((span.low + span.high + 1 - size) / 2)
