"""Reshapes at another size: axes that grow must be themselves before and after, or joined and parted again."""

from collections.abc import Iterator, Sequence

import numpy as np

from viz.adapters.onnx_graph.other_size.step import Lengths, Step
from viz.adapters.onnx_graph.other_size.table import holds

Group = tuple[list[int], list[int]]  # axes before, and the axes after that hold the same values


@holds("Reshape", "Flatten", "Squeeze")
def reshaping(step: Step) -> str:
    """Height and width may become one axis of positions, and two again; not more."""
    before, after = step.read(), step.given()
    for ins, outs in _groups(before, after):
        old, new = tuple(before[axis] for axis in ins), tuple(after[axis] for axis in outs)
        if all(own == other for own, other in old) or (len(ins), len(outs)) == (1, 1) or new in step.merged:
            continue
        if (len(outs) == 1 and _are_positions(step, ins)) or _is_only_normalized(step):
            step.merged.add(old)
        elif len(outs) == 1:
            return f"joins positions with other values in one axis ({_written(old)} become {new[0][1]})"
        elif not step.sees_alike():
            return f"makes {_written(old)} into {_written(new)}, by sizes that are written into the file"
    return ""


def _is_only_normalized(step: Step) -> bool:
    """Group normalization: channels of a group and positions are one axis while their mean is taken."""
    return bool(step.users) and all(user.op_type == "InstanceNormalization" for user in step.users)


def _groups(before: list[Lengths], after: list[Lengths]) -> Iterator[Group]:
    """The finest grouping of axes that holds at both sizes; axes of length 1 are left out."""
    ins = [axis for axis, pair in enumerate(before) if pair != (1, 1)]
    outs = [axis for axis, pair in enumerate(after) if pair != (1, 1)]
    ends_in, ends_out = _products(before, ins), _products(after, outs)
    i = j = 0
    for n, product in enumerate(ends_in, start=1):
        m = next((m for m in range(j + 1, len(outs) + 1) if ends_out[m - 1] == product), None)
        if m is not None:
            yield ins[i:n], outs[j:m]
            i, j = n, m
    if i < len(ins) or j < len(outs):
        yield ins[i:], outs[j:]


def _products(lengths: list[Lengths], axes: list[int]) -> list[tuple[int, ...]]:
    """Both products of the lengths up to each of the axes."""
    if not axes:
        return []
    return [tuple(row) for row in np.cumprod([lengths[axis] for axis in axes], axis=0).tolist()]


def _are_positions(step: Step, axes: list[int]) -> bool:
    """Whether axes are those of height and width, or grow, as only these do."""
    name = step.inputs()[0]
    spans = step.own.spans.get(name)
    spatial = {span.axis for span in spans} if spans else set()
    return all(axis in spatial or axis in step.changed(name) for axis in axes)


def _written(lengths: Sequence[Lengths]) -> str:
    return "x".join(str(other) for _, other in lengths)
