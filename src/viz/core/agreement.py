"""Do two ways of computing a model agree? Tensor by tensor, on the same image."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from viz.core.errors import ModelError
from viz.core.result import FloatArray

Values = Mapping[str, FloatArray]
T = TypeVar("T")
Run = Callable[[Sequence[str]], Values]

_AT_ONCE = 256  # tensors kept from one pass: enough to need few passes, few enough to hold


@dataclass(frozen=True)
class Agreement:
    """How well the gradient pass agrees with the forward pass of a model, on one image.

    Attributes:
        differences: of each layer, relative to its largest value, in the order of execution.
        how: what was compared: the layers as they come out for the image, or each operation by itself.
    """

    differences: Mapping[str, float]
    how: Literal["from the image to each layer", "each operation by itself"] = "from the image to each layer"


def difference(ours: FloatArray, theirs: FloatArray) -> float:
    """Largest difference relative to the largest magnitude of `theirs`; infinite where shapes or NaNs differ."""
    if ours.shape != theirs.shape or not np.array_equal(np.isfinite(ours), np.isfinite(theirs)):
        return float("inf")
    finite = np.isfinite(theirs)
    if not finite.any():
        return 0.0
    scale = float(np.abs(theirs[finite]).max()) or 1.0
    return float(np.abs(ours[finite].astype(np.float64) - theirs[finite]).max()) / scale


def differences(names: Sequence[str], ours: Run, theirs: Run) -> Iterator[tuple[str, float]]:
    """`difference` for each of `names` in order, without those that one of the two cannot show."""

    def compared(some: Sequence[str]) -> list[tuple[str, float]]:
        expected, found = theirs(some), ours(some)
        return [(name, difference(found[name], expected[name])) for name in some]

    for start in range(0, len(names), _AT_ONCE):
        for part in in_halves(names[start : start + _AT_ONCE], compared):
            yield from part


def in_halves(names: Sequence[str], work: Callable[[Sequence[str]], T]) -> Iterator[T]:
    """What `work` gives for `names`: for all at once, or where that fails for halves, down to single ones, in order.

    Asked for by itself, a tensor costs a session and a pass. Single ones that fail are left out.
    """
    try:
        found = work(names)
    except ModelError:
        if len(names) > 1:
            middle = len(names) // 2
            yield from in_halves(names[:middle], work)
            yield from in_halves(names[middle:], work)
        return
    yield found
