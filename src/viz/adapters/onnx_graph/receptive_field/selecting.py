"""Positions picked, cut, padded, joined or repeated."""

import numpy as np
from numpy.typing import NDArray

from viz.adapters.onnx_graph.receptive_field.span import Span
from viz.adapters.onnx_graph.receptive_field.step import NotKnown, Spans, Step, sees


@sees("Slice")
def slicing(step: Step) -> Spans:
    """Output i reads input start + i * step."""
    axes = step.setting("axes", 3)
    sliced = [step.from_front(int(a)) for a in axes] if axes is not None else list(range(step.rank()))
    return step.each(lambda span: _sliced(step, span, sliced.index(span.axis)) if span.axis in sliced else span)


def _sliced(step: Step, span: Span, k: int) -> Span:
    starts, ends, strides = step.setting("starts", 1), step.setting("ends", 2), step.setting("steps", 4)
    if starts is None or ends is None:
        raise NotKnown(f"{step.node.name!r} has no starts or ends")
    if k >= len(starts):
        return span
    stride = int(strides[k]) if strides is not None else 1
    first, _, _ = slice(int(starts[k]), int(ends[k]), stride).indices(step.length(span.axis or 0))
    return span.reading(stride, first, first)


@sees("Split")
def splitting(step: Step) -> Spans:
    """The piece that is this output; positions count from its own start."""
    axis = step.axis(0)
    return step.each(lambda span: _shifted(span, _start_of_piece(step, axis)) if span.axis == axis else span)


def _start_of_piece(step: Step, axis: int) -> int:
    if step.output == 0:
        return 0
    sizes = step.setting("split", 1)
    if sizes is not None:
        return int(sizes[: step.output].sum())
    pieces = step.attribute("num_outputs", len(step.node.output))
    return step.output * -(-step.length(axis) // int(pieces))


@sees("Concat", "QLinearConcat", reads=None)
def concatenation(step: Step) -> Spans:
    """Along another axis the union; along the image's own axis each operand is shifted to its place first."""
    tensors = range(2, len(step.node.input), 3) if step.node.op_type == "QLinearConcat" else range(len(step.node.input))
    if not set(step.image_inputs()) <= set(tensors):
        return step.everything()
    axis = step.axis(1, tensors[0])  # opset 1 left it at 1; later ones require it
    return step.union(_in_place(step, position, axis, tensors) for position in tensors if step.seen(position))


def _in_place(step: Step, position: int, axis: int, tensors: range) -> Spans:
    def through(span: Span) -> Span:
        if span.axis != axis:
            return span
        return _shifted(span, -sum(step.length(axis, other) for other in tensors if other < position))

    return step.each(through, position)


@sees("Gather")
def gathering(step: Step) -> Spans:
    """Along the gathered axis the named positions; later axes make room for the indices' own."""
    axis, added = step.axis(0), step.rank(1) - 1

    def through(span: Span) -> Span:
        if span.axis is None or span.axis < axis:
            return span
        return _gathered(step, span, axis) if span.axis == axis else span.on(span.axis + added)

    return step.each(through)


def _gathered(step: Step, span: Span, axis: int) -> Span:
    indices, length = step.constants(step.node.input[1]), step.length(axis)
    if indices is None:
        return span.fixed(step.shape())
    wanted: NDArray[np.int64] = np.asarray(indices, dtype=np.int64) % length
    if wanted.ndim == 1 and wanted.size:
        stride = int(wanted[1] - wanted[0]) if wanted.size > 1 else 1
        return span.reading_ranges([(i, i) for i in wanted.tolist()], stride)
    return _shifted(span, int(wanted)).fixed((1,) * (axis + 1)) if wanted.ndim == 0 else span.fixed(step.shape())


@sees("Pad")
def padding(step: Step) -> Spans:
    """Constant padding shifts (a negative pad crops); reflected or repeated borders widen the window."""
    pads = step.setting("paddings" if step.attribute("paddings") is not None else "pads", 1)
    if pads is None:
        raise NotKnown(f"{step.node.name!r} has no pads")
    axes = step.setting("axes", 3)
    axes_from_front = [step.from_front(int(a)) for a in axes] if axes is not None else list(range(len(pads) // 2))

    def through(span: Span) -> Span:
        if span.axis not in axes_from_front:
            return span
        k = axes_from_front.index(span.axis)
        return _padded(step, span, int(pads[k]), int(pads[k + len(axes_from_front)]))

    return step.each(through)


def _padded(step: Step, span: Span, before: int, after: int) -> Span:
    mode = step.attribute("mode", "constant")
    if mode == "constant" or before == after == 0:
        return _shifted(span, -before)
    if min(before, after) < 0 or mode not in ("reflect", "edge"):
        return span.fixed(step.shape())
    positions = np.arange(step.length(span.axis or 0))
    reads = np.pad(positions, (before, after), mode="edge" if mode == "edge" else "reflect").tolist()
    return span.reading_ranges([(i, i) for i in reads], 1)


@sees("Tile")
def tiling(step: Step) -> Spans:
    """A repeated axis shows every position of it in several places."""
    repeats = step.setting("repeats", 1)
    if repeats is None:
        raise NotKnown(f"{step.node.name!r} has no repeats")
    return step.fixed_along(axis for axis, count in enumerate(repeats) if count != 1)


def _shifted(span: Span, positions: int) -> Span:
    return span.reading(1, positions, positions)
