"""Where an axis is after a reshape that leaves it whole."""

from collections.abc import Sequence
from math import prod

Shape = Sequence[int | None]


def reshaped_axis(before: Shape, axis: int, after: Shape) -> int | None:
    """The place of `axis` after a tensor of shape `before` got the shape `after`; None where it was cut or joined.

    A free length (None) is one image: it counts as 1.
    """
    old, new = _numbers(before), _numbers(after)
    if prod(old) != prod(new):
        return None
    for place, length in enumerate(new):
        if length == old[axis] and prod(new[:place]) == prod(old[:axis]):
            return place
    return None


def _numbers(shape: Shape) -> list[int]:
    return [length or 1 for length in shape]
