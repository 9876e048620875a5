"""Operators that join, pad and pick: places that are counted from an end hold, others do not."""

import numpy as np

from viz.adapters.onnx_graph.other_size.step import Lengths, Step
from viz.adapters.onnx_graph.other_size.table import holds


@holds("Concat", "QLinearConcat", "Pad", "Tile", "Transpose", "Unsqueeze", "DepthToSpace", "SpaceToDepth")
def joining(step: Step) -> str:
    """What does not fit together stops the runtime."""
    return ""


@holds("Split")
def splitting(step: Step) -> str:
    """Parts of an axis that grows are other parts."""
    return "splits an axis that grows" if step.axis(0) in step.changed(step.node.input[0]) else ""


@holds("Gather")
def gathering(step: Step) -> str:
    """Of an axis that grows, the first or the last position may be picked, such as a class token."""
    if step.axis(0) not in step.changed(step.node.input[0]):
        return ""
    found = step.setting("", 1)
    ends = found is not None and np.size(found[0]) == 1 and int(found[0].ravel()[0]) in (0, -1)
    same = found is not None and np.array_equal(*found)
    return "" if ends and same else "picks positions by their number along an axis that grows"


@holds("Slice")
def slicing(step: Step) -> str:
    """A range of an axis that grows must be as far from the ends at both sizes, or be the first position."""
    starts, ends = step.setting("starts", 1), step.setting("ends", 2)
    if starts is None or ends is None:
        return "cuts at places that are not known"
    lengths = step.lengths(step.node.input[0])
    axes = step.setting("axes", 3) or (np.arange(len(starts[0])),) * 2
    steps = step.setting("steps", 4) or (np.ones(len(starts[0]), np.int64),) * 2
    for k, axis in enumerate(axes[0].tolist()):
        own, other = lengths[axis]
        places = _range(starts[0][k], ends[0][k], own), _range(starts[1][k], ends[1][k], other)
        if own != other and (steps[0][k] != steps[1][k] or steps[0][k] < 1 or not _alike(*places, lengths[axis])):
            return "cuts at places that are written into the file, along an axis that grows"
    return ""


def _range(start: int, end: int, length: int) -> Lengths:
    """Start and end, counted from the front."""
    first, last = (int(place) + length if place < 0 else int(place) for place in (start, end))
    return min(max(first, 0), length), min(max(last, 0), length)


def _alike(own: Lengths, other: Lengths, lengths: Lengths) -> bool:
    from_front = own[0] == other[0]
    from_back = lengths[0] - own[0] == lengths[1] - other[0]
    to_back = lengths[0] - own[1] == lengths[1] - other[1]
    return ((from_front or from_back) and to_back) or own == other == (0, 1)
