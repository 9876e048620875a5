"""Where the scores of many places at once are read: the tensor before a softmax, found by its values."""

from typing import NamedTuple

import numpy as np

from viz.core.adapter import Adapter, Scores, Squash
from viz.core.errors import UsageError
from viz.core.readings import squashed
from viz.core.result import FloatArray
from viz.core.target.asked import Asked
from viz.core.target.classes import place_of
from viz.core.target.outputs import known_shape

_LOOK_BACK = 6  # tensors of the output's own shape that may lie between a softmax's input and the output


class Place(NamedTuple):
    """The tensor to read, what to put its values through, and what that is called."""

    layer: str
    squash: Squash
    kind: str


def score_place(asked: Asked, output: str, values: FloatArray, axis: int) -> Place:
    """Where to read the scores that `output` gives along `axis`, by `asked.score`; `values` are those it gave.

    Raises `UsageError` where a score before the softmax is wanted and the model shows none.
    """
    scores = _scores(asked, output, values, axis)
    try:
        return Place(*place_of(scores, asked.score))
    except UsageError:
        raise UsageError(
            f"output {output!r} gives probabilities, and no tensor before its softmax or sigmoid was found",
            "use --score probability",
        ) from None


def _scores(asked: Asked, output: str, values: FloatArray, axis: int) -> Scores:
    classes = values.shape[axis]
    if not are_shares(values):
        return Scores(classes, output, None, "softmax" if classes > 1 else "sigmoid")
    before = _before(asked.model, output, asked.images[:1].copy(), axis)
    return Scores(classes, None, output) if before is None else Scores(classes, before[0], output, before[1])


def are_shares(values: FloatArray) -> bool:
    """Whether all values lie in [0, 1], as probabilities do."""
    return bool(values.min() >= 0 and values.max() <= 1 + 1e-5)


def _before(model: Adapter, output: str, image: FloatArray, axis: int) -> tuple[str, Squash] | None:
    """The nearest earlier tensor of the output's shape that softmax or sigmoid turns into it, for one image."""
    names = list(model.layers)
    earlier = reversed(names[: names.index(output)])
    shape = known_shape(model, output)
    candidates = [name for name in earlier if shape is not None and known_shape(model, name) == shape][:_LOOK_BACK]
    if not candidates:
        return None
    found = model.run(image, [output, *candidates])
    squashes: tuple[Squash, ...] = ("softmax", "sigmoid")
    for name in candidates:
        for squash in squashes:
            if _makes(np.moveaxis(found[name], axis, 1), np.moveaxis(found[output], axis, 1), squash):
                return name, squash
    return None


def _makes(before: FloatArray, after: FloatArray, squash: Squash) -> bool:
    expected: FloatArray = squashed(before, squash)
    return bool(np.abs(expected - after).max() <= 1e-4)
