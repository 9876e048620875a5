"""Values of several maps combined position by position; their windows are first made the same."""

from collections.abc import Sequence
from math import prod

import numpy as np

from viz.adapters.onnx_graph.receptive_field.combining import BROADCAST
from viz.adapters.onnx_graph.receptive_field.step import Step
from viz.adapters.onnx_graph.windows.building import Building, rows_form
from viz.adapters.onnx_graph.windows.reach import Reach
from viz.adapters.onnx_graph.windows.rules.registry import by_windows
from viz.adapters.onnx_graph.windows.windowed import Whole, Windowed


@by_windows(*BROADCAST)
def broadcasting(building: Building, step: Step) -> None:
    """Operands are aligned at the last axis; one that varies over the map without the image is cut to the windows."""
    node = step.node
    if step.attribute("axis") is not None:
        raise Whole("its operands are aligned at an axis of its own")
    moving = [building.window(node.input[i]) for i in step.image_inputs()]
    largest = max(moving, key=lambda one: len(one.shape))
    reach = _common(building, node.output[0], moving, largest)
    if _in_rows(building, step, moving, reach):
        return
    inputs = {i: _operand(building, step, i, largest, reach) for i, name in enumerate(node.input) if name}
    building.copy(node, inputs)
    building.hold(node.output[0], largest, reach)


@by_windows("Concat")
def concatenation(building: Building, step: Step) -> None:
    """Along another axis than the image's."""
    node = step.node
    moving = [building.window(name) for name in node.input]
    axis = step.axis(1)
    if axis in (0, *moving[0].axes):
        raise Whole("it joins maps side by side")
    _joined(building, step, moving, range(len(node.input)))


@by_windows("QLinearConcat")
def quantized_concatenation(building: Building, step: Step) -> None:
    """The same with a scale and a zero point after each operand."""
    node = step.node
    places = range(2, len(node.input), 3)
    moving = [building.window(node.input[i]) for i in places]
    if step.axis(1, 2) in (0, *moving[0].axes):
        raise Whole("it joins maps side by side")
    _joined(building, step, moving, places)


def _joined(building: Building, step: Step, moving: Sequence[Windowed], places: range) -> None:
    reach = _common(building, step.node.output[0], moving, moving[0])
    if step.node.op_type == "Concat" and _in_rows(building, step, moving, reach, axis=1):
        return
    inputs = {i: building.aligned(one.name, reach) for i, one in zip(places, moving, strict=True)}
    building.copy(step.node, inputs)
    building.hold(step.node.output[0], moving[0], reach)


def _in_rows(building: Building, step: Step, moving: Sequence[Windowed], reach: Reach, **changed: int) -> bool:
    """Maps of which one is there in rows are combined in rows, as far as they can be; whether they were."""
    node = step.node
    fit = all(one.axes == (2, 3) and len(one.shape) == 4 and one.stored is None for one in moving)
    if not fit or not any(one.name in building.in_rows for one in moving):
        return False
    inputs = {}
    for i, name in enumerate(node.input):
        operand = _operand_in_rows(building, name, moving[0], reach) if name else ""
        if operand is None:
            return False
        inputs[i] = operand
    building.copy(node, inputs, (), **changed).output[0] = rows_form(node.output[0])
    building.hold(node.output[0], moving[0], reach, in_rows=True)
    return True


def _operand_in_rows(building: Building, name: str, like: Windowed, reach: Reach) -> str | None:
    """A map's windows, or a constant that is one number or one for each channel, as rows take it."""
    if name in building.windows:
        return building.context_in_rows(building.windows[name], reach)
    shape, value = building.facts.shape(name), building.facts.constants(name)
    if shape is None or prod(shape) == 1:
        return name if shape is not None else None
    per_channel = ((1,) * (4 - len(shape)) + tuple(shape))[-3:] == (prod(shape), 1, 1) and len(shape) <= 4
    return building.constant(value.reshape(-1)) if per_channel and value is not None else None


def _common(building: Building, output: str, moving: Sequence[Windowed], largest: Windowed) -> Reach:
    """The windows of the result, which hold those of all operands; these must lie over the same axes of equal maps."""
    rank = len(largest.shape)
    for one in moving:
        axes = tuple(axis + rank - len(one.shape) for axis in one.axes)
        if axes != largest.axes or one.reach.size != largest.reach.size:
            raise Whole("its operands are not maps of one size")
        if len(one.shape) != rank:
            raise Whole("its operands have different numbers of axes")
    if all(one.reach is largest.reach for one in moving):
        return largest.reach
    reach = building.reach_of(output, largest.axes)
    building.check_worth(reach)
    return reach


def _operand(building: Building, step: Step, position: int, like: Windowed, reach: Reach) -> str:
    name = str(step.node.input[position])
    if name in building.windows:
        return building.aligned(name, reach)
    shape = building.facts.shape(name)
    if shape is None:
        raise Whole(f"the shape of {name!r} is not known")
    full = (1,) * (len(like.shape) - len(shape)) + tuple(shape)
    if len(full) > len(like.shape) or full[0] != 1:
        raise Whole(f"{name!r} has more axes than the map")
    if all(full[axis] == 1 for axis in like.axes):
        return name
    return _constant_map(building, name, full, like, reach)


def _constant_map(building: Building, name: str, shape: tuple[int, ...], like: Windowed, reach: Reach) -> str:
    """The windows' part of a constant that varies over the map."""
    value = building.facts.constants(name)
    if value is None:
        raise Whole(f"{name!r} varies over the map and is not known")
    size = tuple(like.shape[axis] if axis in like.axes else shape[axis] for axis in range(len(shape)))
    spread = np.broadcast_to(value.reshape(shape), size)
    by_row = spread.transpose(like.by_row)
    rows = building.constant(by_row.reshape(reach.size[0] * reach.size[1], -1))
    at_cells = building.emit("Gather", [rows, building.cells_of(reach, of_constant=True)], axis=0)
    lengths = [size[axis] for axis in like.rest]
    shaped = building.emit("Reshape", [at_cells, building.constant(np.array([0, 0, 0, *lengths], np.int64))])
    return building.emit("Transpose", [shaped], perm=like.back)
