"""Positions picked, padded or interpolated: each position of the result is a weighted sum of few of the map."""

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from viz.adapters.onnx_graph.receptive_field.step import NotKnown, Step
from viz.adapters.onnx_graph.windows.building import Building
from viz.adapters.onnx_graph.windows.context import Table
from viz.adapters.onnx_graph.windows.reach import Reach
from viz.adapters.onnx_graph.windows.rules.registry import by_windows
from viz.adapters.onnx_graph.windows.windowed import Whole, Windowed

Weights = NDArray[np.float32]


def picked(building: Building, step: Step) -> None:
    """Slice and Pad along the image's axes: a table says which position of the map each one is, if any."""
    node, source = step.node, building.window(step.node.input[0])
    shape = building.facts.shape(node.output[0])
    others = [axis for axis in range(len(source.shape)) if axis not in source.axes]
    if shape is None or any(shape[axis] != source.shape[axis] for axis in others):
        raise Whole("it also changes other axes than the image's")
    try:
        positions = [_positions(step, axis, source.shape[axis]) for axis in source.axes]
    except NotKnown as problem:
        raise Whole(str(problem)) from None
    reach = building.reach_of(node.output[0], source.axes)
    building.check_worth(reach)
    y, x = (Table(table.reshape(-1, 1)) for table in positions)
    context = building.context(source, reach, (y, x), _fill(building, step))
    building.emit("Identity", [context], output=node.output[0])
    building.hold(node.output[0], source, reach)


def _positions(step: Step, axis: int, length: int) -> NDArray[np.intp]:
    """Which position of the map each position of the result is, along one axis; -1 for padding."""
    if step.node.op_type == "Slice":
        return _sliced(step, axis, length)
    pads = step.setting("paddings" if step.attribute("paddings") is not None else "pads", 1)
    if pads is None:
        raise NotKnown("its pads are not known")
    axes = step.setting("axes", 3)
    padded = [step.from_front(int(a)) for a in axes] if axes is not None else list(range(step.rank()))
    if axis not in padded:
        return np.arange(length)
    before, after = int(pads[padded.index(axis)]), int(pads[padded.index(axis) + len(padded)])
    kept = np.arange(length)[max(-before, 0) : length - max(-after, 0)]
    around = (max(before, 0), max(after, 0))
    mode = step.attribute("mode", "constant")
    if mode == "constant":
        return np.pad(kept, around, constant_values=-1)
    if mode == "wrap":
        raise NotKnown("its borders come from the other side")
    return np.pad(kept, around, mode="edge" if mode == "edge" else "reflect")


def _sliced(step: Step, axis: int, length: int) -> NDArray[np.intp]:
    starts, ends, strides = step.setting("starts", 1), step.setting("ends", 2), step.setting("steps", 4)
    axes = step.setting("axes", 3)
    if starts is None or ends is None:
        raise NotKnown("its starts or ends are not known")
    sliced = [step.from_front(int(a)) for a in axes] if axes is not None else list(range(len(starts)))
    if axis not in sliced:
        return np.arange(length)
    k = sliced.index(axis)
    return np.arange(length)[slice(int(starts[k]), int(ends[k]), int(strides[k]) if strides is not None else 1)]


def _fill(building: Building, step: Step) -> float:
    if step.node.op_type != "Pad" or step.attribute("mode", "constant") != "constant":
        return 0.0
    given = step.attribute("value")
    name = step.node.input[2] if len(step.node.input) > 2 else ""
    return float(given) if given is not None else building.facts.scalar(name, 0.0)


@by_windows("Resize", "Upsample")
def resizing(building: Building, step: Step) -> None:
    """Every mode of interpolation is linear, axis by axis: its weights are read off what it makes of single ones."""
    node, source = step.node, building.window(step.node.input[0])
    if step.image_inputs() != [0] or len(source.shape) != 4 or source.axes != (2, 3):
        raise Whole("it is no resizing of a map of known size")
    if step.attribute("coordinate_transformation_mode", "") == "tf_crop_and_resize":
        raise Whole("it reads a region of its own")
    reach = building.reach_of(node.output[0], source.axes)
    building.check_worth(reach)
    taps = [_taps(_matrix(building, step, source, axis)) for axis in source.axes]
    (y, heights), (x, widths) = taps
    exact = all((weights == 1).all() and weights.shape[1] == 1 for weights in (heights, widths))
    if not exact and source.elem_type != TensorProto.FLOAT:
        raise Whole("it interpolates numbers that are not float32")
    context = building.context(source, reach, (y, x))
    if not exact:
        context = _weighed(building, context, reach, 1, widths)
        turned = building.emit("Transpose", [context], perm=[0, 1, 3, 2])
        context = building.emit("Transpose", [_weighed(building, turned, reach, 0, heights)], perm=[0, 1, 3, 2])
    building.emit("Identity", [context], output=node.output[0])
    building.hold(node.output[0], source, reach)


def _matrix(building: Building, step: Step, source: Windowed, axis: int) -> Weights:
    """(results, positions): what each position of one axis gives to each of the result."""
    node, shape = step.node, building.facts.shape(step.node.output[0])
    length = source.shape[axis]
    if shape is None or step.attribute("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Whole("the size of its result is not known")
    scales = step.setting("scales", 1 if node.op_type == "Upsample" or len(node.input) == 2 else 2)
    axes = [step.from_front(a) for a in step.attribute("axes", range(len(source.shape)))]
    model_inputs = {"x": np.eye(length, dtype=np.float32)[None, :, :, None]}
    names = ["x", *([""] if len(node.input) > 2 else [])]
    if scales is not None and scales.size:
        along = float(scales[axes.index(axis)]) if axis in axes else 1.0
        model_inputs["scales"] = np.array([1, 1, along, 1], np.float32)
        names.append("scales")
    else:
        model_inputs["sizes"] = np.array([1, length, shape[axis], 1], np.int64)
        names += ["", "sizes"]
    kept = {a.name: helper.get_attribute_value(a) for a in node.attribute if a.name not in ("axes", "scales")}
    found = building.facts.try_node(node.op_type, names, model_inputs, kept)
    matrix: Weights = found[0, :, :, 0].T
    return matrix


def _taps(matrix: Weights) -> tuple[Table, Weights]:
    """The positions that each position of the result reads, and their weights: as many taps as the widest needs."""
    taps = max(1, int((matrix != 0).sum(axis=1).max()))
    order = np.argsort(matrix == 0, axis=1, kind="stable")[:, :taps]
    return Table(np.sort(order, axis=1)), np.take_along_axis(matrix, np.sort(order, axis=1), axis=1)


def _weighed(building: Building, name: str, reach: Reach, axis: int, weights: Weights) -> str:
    """(n, c, other, positions * taps) summed over the taps with their weights: (n, c, other, positions)."""
    taps = weights.shape[1]
    if taps == 1 and (weights == 1).all():
        return name
    apart = building.emit("Reshape", [name, building.constant(np.array([0, 0, 0, -1, taps], np.int64))])
    given = building.tap_weights(reach, axis, weights)
    shaped = building.emit("Reshape", [given, building.constant(np.array([0, 1, 1, -1, taps], np.int64))])
    return building.sum_over(building.emit("Mul", [apart, shaped]), [4])
