"""Class scores: where a model has them, and how they become probabilities."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from viz.core.result import FloatArray

Squash = Literal["none", "softmax", "sigmoid", "exp"]


@dataclass(frozen=True)
class Scores:
    """Where class scores are read: one tensor, and what turns its values into probabilities.

    `logits` names the tensor before the final softmax or sigmoid, and is None where there is none to
    be had. `probabilities` names the tensor after it. `to_probability` is what the graph itself
    applies; "none" where the graph ends in plain scores (softmax is then ours, and the summary says so).
    """

    classes: int
    logits: str | None
    probabilities: str | None
    to_probability: Squash = "none"


def per_image(values: FloatArray) -> FloatArray:
    """Scores (b, classes, 1, …) as (b, classes); raises nothing, changes no value."""
    return values.reshape(values.shape[0], -1) if values.ndim > 1 else values.reshape(-1, 1)


def probabilities(values: FloatArray, squash: Squash) -> FloatArray:
    """Scores (b, classes) through softmax, sigmoid or exp, computed in float64 and given as float32."""
    x = values.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # NaN in, NaN out: whoever reads it says so
        if squash == "softmax":
            e = np.exp(x - x.max(axis=1, keepdims=True))
            x = e / e.sum(axis=1, keepdims=True)
        elif squash == "sigmoid":
            x = 1 / (1 + np.exp(-x))
        elif squash == "exp":
            x = np.exp(x)
    return x.astype(np.float32)
