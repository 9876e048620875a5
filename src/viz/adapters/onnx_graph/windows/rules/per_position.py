"""Operations on the values of one position: the node itself, on a window."""

from math import prod

import numpy as np

from viz.adapters.onnx_graph.receptive_field.combining import REDUCTIONS, UNARY
from viz.adapters.onnx_graph.receptive_field.span import Span
from viz.adapters.onnx_graph.receptive_field.step import Step
from viz.adapters.onnx_graph.windows.building import Building, rows_form
from viz.adapters.onnx_graph.windows.rules.averaging import mean_over_the_map
from viz.adapters.onnx_graph.windows.rules.picking import picked
from viz.adapters.onnx_graph.windows.rules.registry import by_windows
from viz.adapters.onnx_graph.windows.windowed import Whole, Windowed

_PER_POSITION = [name for name in UNARY if name not in ("Trilu", "Bernoulli", "DequantizeLinear")]
_NORMALIZATIONS = """
    BatchNormalization Hardmax LRN LayerNormalization LogSoftmax LpNormalization MeanVarianceNormalization
    QLinearSoftmax RMSNormalization SimplifiedLayerNormalization Softmax
""".split()
_REARRANGING = "ArgMax ArgMin Gather MatMul MatMulInteger QLinearMatMul Split Squeeze TopK Transpose Unsqueeze".split()


@by_windows(*_PER_POSITION, *_NORMALIZATIONS, *_REARRANGING)
def per_position(building: Building, step: Step) -> None:
    """As it is, where every position of the result sees what the same position of the map sees, and no more."""
    node, source = step.node, building.window(step.node.input[0])
    if step.image_inputs() != [0]:
        raise Whole("more than one of its inputs depends on the image")
    if _in_rows(building, step, source):
        return
    for name in filter(None, node.output):
        axes = kept_axes(building, source, name)
        _check_constants(building, step, source)
        building.hold(name, source, source.reach, axes)
    building.copy(node)


@by_windows("Slice", "Pad", *REDUCTIONS)
def per_position_or_over_the_map(building: Building, step: Step) -> None:
    """Along other axes than the image's as it is; along the image's, positions are picked or averaged."""
    node, source = step.node, building.window(step.node.input[0])
    try:
        kept_axes(building, source, node.output[0])
    except Whole:
        if node.op_type in ("Slice", "Pad"):
            picked(building, step)
        else:
            mean_over_the_map(building, step)
        return
    per_position(building, step)


@by_windows("Reshape", "Flatten")
def reshaping(building: Building, step: Step) -> None:
    """The other axes, as in a channel shuffle; the image's keep their lengths, which are those of the windows."""
    node, source = step.node, building.window(step.node.input[0])
    axes = kept_axes(building, source, node.output[0])
    shape = building.facts.shape(node.output[0])
    if shape is None or step.image_inputs() != [0]:
        raise Whole("its new shape is not known")
    lengths = building.emit("Shape", [source.name])
    known = {0: 0, axes[0]: source.axes[0], axes[1]: source.axes[1]}
    parts = [
        building.emit("Gather", [lengths, building.constant(np.array([known[axis]], np.int64))], axis=0)
        if axis in known
        else building.constant(np.array([length], np.int64))
        for axis, length in enumerate(shape)
    ]
    target = building.emit("Concat", parts, axis=0)
    building.emit("Reshape", [source.name, target], output=node.output[0])
    building.hold(node.output[0], source, source.reach, axes)


def _in_rows(building: Building, step: Step, source: Windowed) -> bool:
    """What changes values alone, of a map that is there in rows, is done in rows; whether it was."""
    node = step.node
    sizes = [building.facts.shape(name) for name in node.input[1:] if name]
    alone = node.op_type in UNARY and len([name for name in node.output if name]) == 1
    if source.name not in building.in_rows or not alone or any(size is None or prod(size) != 1 for size in sizes):
        return False
    kept_axes(building, source, node.output[0])
    building.copy(node, {0: rows_form(source.name)}).output[0] = rows_form(node.output[0])
    building.hold(node.output[0], source, source.reach, in_rows=True)
    return True


def kept_axes(building: Building, source: Windowed, output: str) -> tuple[int, int]:
    """The result's axes along the image; raises `Whole` where its positions are not those of the map, one to one."""
    before, after = building.facts.spans.get(source.name), building.facts.spans.get(output)
    shape = building.facts.shape(output)
    if before is None or after is None or shape is None:
        raise Whole("what it sees of the image is not known")
    y, x = (_kept_axis(a, b) for a, b in zip(before, after, strict=True))
    if y == x:
        raise Whole("its axes along the image cannot be told apart")
    if (shape[y], shape[x]) != source.reach.size:
        raise Whole("it changes the size of the map")
    return y, x


def _kept_axis(before: Span, after: Span) -> int:
    same = (before.low, before.high, before.step) == (after.low, after.high, after.step)
    if after.axis is None or after.fold is not None or not same:
        raise Whole("it mixes positions")
    return after.axis


def _check_constants(building: Building, step: Step, source: Windowed) -> None:
    """No constant input may be as long as the map along one of its axes, which windows are not."""
    for position, name in enumerate(step.node.input):
        shape = building.facts.shape(name) if position and name else None
        if step.node.op_type in ("Clip", "CastLike") or not shape:
            continue
        aligned = (1,) * (len(source.shape) - len(shape)) + tuple(shape)
        if step.node.op_type in UNARY and any(aligned[axis] != 1 for axis in source.axes):
            raise Whole(f"{name!r} varies over the map")
