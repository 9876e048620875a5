"""Finding a torch model's class scores among its outputs, and whether a softmax stands at their end."""

from collections.abc import Mapping, Sequence

import numpy as np

from viz.adapters.torch_module.survey import Squashed
from viz.core.adapter import Layer, Scores, per_image, probabilities
from viz.core.errors import UnknownName, UsageError
from viz.core.result import FloatArray


def score_output(
    outputs: Sequence[str], layers: Mapping[str, Layer], wanted: str | None
) -> tuple[str | None, list[str]]:
    """The output with the class scores, (batch, classes) or that with axes of length 1, and notes on the choice.

    Raises `UnknownName` or `UsageError` for a `wanted` that is not one.
    """
    if wanted is not None:
        return _checked(wanted, outputs, layers), []
    candidates = [name for name in outputs if _classes(layers[name]) > 1]
    candidates = candidates or [name for name in outputs if _classes(layers[name]) == 1]
    if len(candidates) > 1:
        note = f"class scores are read from output {candidates[0]!r}; --output chooses among {candidates}"
        return candidates[0], [note]
    return (candidates[0] if candidates else None), []


def _checked(wanted: str, outputs: Sequence[str], layers: Mapping[str, Layer]) -> str:
    if wanted not in outputs:
        raise UnknownName("output", wanted, outputs)
    if not _classes(layers[wanted]):
        raise UsageError(
            f"output {wanted!r} has shape {layers[wanted].shape}, which is not (batch, classes)",
            "leave --output out, and name a neuron with --target LAYER:CHANNEL",
        )
    return wanted


def _classes(layer: Layer) -> int:
    """How many classes a tensor scores; 0 where it is no score tensor."""
    shape = layer.shape or ()
    if len(shape) < 2 or any(side != 1 for side in shape[2:]):
        return 0
    return shape[1] or 0


def find_scores(
    output: str, layers: Mapping[str, Layer], end: Squashed | None, values: Mapping[str, FloatArray]
) -> tuple[Scores, list[str]]:
    """Scores of an output, and notes. `end` is the softmax or sigmoid that was seen to make it.

    `values` are those of the output and of the layer that `end` read, for the same images: `end` counts
    only where the figures agree. A softmax that cannot be seen (TorchScript) shows in rows that are
    positive and sum to 1.
    """
    classes, after = _classes(layers[output]), per_image(values[output])
    before = values.get(end.source or "") if end else None
    before = None if before is None else per_image(before)
    if end is not None and before is not None and _agrees(end, before, after):
        return Scores(classes, end.source, None if end.op == "log_softmax" else output, end.squash), []
    if end is not None and _is_sigmoid_of_something_else(end, before, after):
        return Scores(classes, None, output), []
    if sums_to_one(after):
        return Scores(classes, None, output), [f"output {output!r} is positive and sums to 1: read as probabilities"]
    if after.max() <= 0 and sums_to_one(np.exp(after)):
        return Scores(classes, output, None, "exp"), [f"output {output!r} is read as logarithms of probabilities"]
    return Scores(classes, output, None), []


def _agrees(end: Squashed, before: FloatArray, after: FloatArray) -> bool:
    """The output is what the softmax or sigmoid over the class axis makes of the tensor before."""
    expected = probabilities(before, end.squash)
    found = np.exp(after) if end.op == "log_softmax" else after
    return expected.shape == found.shape and float(np.abs(expected - found).max()) <= 1e-2 * float(expected.max())


def _is_sigmoid_of_something_else(end: Squashed, before: FloatArray | None, after: FloatArray) -> bool:
    """Its source is no layer, or the output is a part of it: there are no logits to be had."""
    apart = before is None or before.shape != after.shape
    return end.op == "sigmoid" and apart and float(after.min()) >= 0 and float(after.max()) <= 1


def sums_to_one(values: FloatArray) -> bool:
    """Rows (b, classes) look like probabilities over more than one class."""
    return bool(values.shape[1] > 1 and values.min() >= 0 and np.allclose(values.sum(axis=1), 1, atol=1e-3))
