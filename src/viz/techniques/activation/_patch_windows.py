"""Which part of the model's input a position sees, and which its heat covers."""

from viz.core.surveying import Window
from viz.techniques.activation._layer_plans import LayerPlan


def window(plan: LayerPlan, y: int, x: int) -> tuple[Window, bool]:
    """What the position sees within the image, at least a pixel of it, and whether it sees beyond the edge.

    A token's own patch, where it sees the whole image; else the whole image.
    """
    (top, bottom), (left, right) = (_seen(plan, axis, at) for axis, at in enumerate((y, x)))
    height, width = plan.image
    rows, columns = _within(top, bottom, height), _within(left, right, width)
    return Window(rows[0], columns[0], rows[1], columns[1]), (*rows, *columns) != (top, bottom, left, right)


def heat_window(plan: LayerPlan, y: int, x: int) -> Window:
    """What the cells of the heat around a position cover together: each the middle of what it sees, without gaps."""
    (top, bottom), (left, right) = (_covered(plan, axis, at) for axis, at in enumerate((y, x)))
    return Window(top, left, bottom, right)


def _seen(plan: LayerPlan, axis: int, at: int) -> tuple[float, float]:
    if plan.field is not None:
        start = plan.field.offset[axis] + at * plan.field.stride[axis]
        return float(start), float(start + plan.field.size[axis])
    if plan.kind == "tokens":
        cell = plan.image[axis] / plan.positions[axis]
        return at * cell, (at + 1) * cell
    return 0.0, float(plan.image[axis])


def _covered(plan: LayerPlan, axis: int, at: int) -> tuple[float, float]:
    cell = plan.image[axis] / plan.positions[axis]
    middle = (at + 0.5) * cell
    if plan.field is not None:
        start, stop = _seen(plan, axis, at)
        cell, middle = plan.field.stride[axis] or cell, (start + stop) / 2
    return middle - plan.side / 2 * cell, middle + plan.side / 2 * cell


def _within(start: float, stop: float, length: int) -> tuple[float, float]:
    first = min(max(start, 0.0), length - 1.0)
    return first, max(min(stop, float(length)), first + 1)
