"""Means and sums over the whole map: that of the clean map, and what the window changes of it."""

import numpy as np
from onnx import TensorProto

from viz.adapters.onnx_graph.receptive_field.step import Step
from viz.adapters.onnx_graph.windows.building import Building, rows_form
from viz.adapters.onnx_graph.windows.rules.registry import by_windows
from viz.adapters.onnx_graph.windows.windowed import Whole

# Beyond this share of the map, pasting the window costs no more than two sums over it.
_LARGEST_SHARE = 0.5


@by_windows("GlobalAveragePool")
def global_average(building: Building, step: Step) -> None:
    """See `mean_over_the_map`."""
    mean_over_the_map(building, step)


def mean_over_the_map(building: Building, step: Step) -> None:
    """clean mean + (sum over the window - sum over the same cells of the clean map) / positions."""
    node, source = step.node, building.window(step.node.input[0])
    divisor = _positions_divided_by(building, step)
    if source.elem_type != TensorProto.FLOAT or len(source.shape) != 4:
        raise Whole("it sums over the whole map")
    if source.reach.share > _LARGEST_SHARE:
        raise Whole(f"the patch reaches {source.reach.share:.0%} of its map")
    rows, name = building.rows_of(source), node.output[0]
    window = building.emit("Reshape", [rows_form(source.name), building.shape_of_window(source)])
    clean = building.emit("Gather", [rows.clean, building.cells_of(source.reach)], axis=0)
    change = building.emit("Sub", [window, clean])
    summed = building.sum_over(change, [1, 2])
    scaled = building.emit("Div", [summed, building.constant(np.array(divisor, np.float32))])
    before = building.emit("Gather", [building.clean_value(name), building.slots()], axis=0)
    shape = building.facts.shape(name)
    assert shape is not None, "checked above"
    target = building.constant(np.array([-1, *shape[1:]], np.int64))
    building.emit("Add", [before, building.emit("Reshape", [scaled, target])], output=name)
    building.whole.add(name)


def _positions_divided_by(building: Building, step: Step) -> float:
    """What the sum is divided by; raises `Whole` for other reductions, and for other axes than the map's."""
    source, node = building.window(step.node.input[0]), step.node
    shape = building.facts.shape(node.output[0])
    if node.op_type not in ("GlobalAveragePool", "ReduceMean", "ReduceSum") or shape is None:
        raise Whole("it mixes all positions")
    values = int(np.prod([source.shape[axis] for axis in source.rest]))
    if int(np.prod(shape)) != building.facts.batch * values or shape[0] != building.facts.batch:
        raise Whole("it sums over other axes too")
    height, width = source.reach.size
    return 1.0 if node.op_type == "ReduceSum" else float(height * width)
