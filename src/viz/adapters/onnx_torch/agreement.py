"""Does the executor compute what onnxruntime computes? Compared on the user's own image, tensor by tensor."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from viz.core.errors import ModelError
from viz.core.result import FloatArray

Values = Mapping[str, FloatArray]
Run = Callable[[Sequence[str]], Values]


def difference(ours: FloatArray, theirs: FloatArray) -> float:
    """Largest difference relative to the largest magnitude of `theirs`; infinite where shapes or NaNs differ."""
    if ours.shape != theirs.shape or not np.array_equal(np.isfinite(ours), np.isfinite(theirs)):
        return float("inf")
    finite = np.isfinite(theirs)
    if not finite.any():
        return 0.0
    scale = float(np.abs(theirs[finite]).max()) or 1.0
    return float(np.abs(ours[finite] - theirs[finite]).max()) / scale


def differences(ours: Values, theirs: Values) -> dict[str, float]:
    """`difference` for every tensor of `theirs`."""
    return {name: difference(ours[name], value) for name, value in theirs.items()}


def first_that_differs(order: Iterable[str], ours: Run, theirs: Run, limit: float) -> tuple[str, float] | None:
    """The first tensor in execution order that differs by more than `limit`, and by how much; None: there is none.

    Tensors that one side cannot show are passed over.
    """
    for name in order:
        try:
            found = difference(ours([name])[name], theirs([name])[name])
        except ModelError:
            continue
        if found > limit:
            return name, found
    return None
