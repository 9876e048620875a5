"""How surely a picture is recognised as a class: the probability, and its log-odds, which never saturate."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from viz.core.adapter import Adapter, Squash, per_image, probabilities
from viz.core.result import FloatArray
from viz.core.target.classes import place_of, scores_of

if TYPE_CHECKING:
    from torch import Tensor

Odds = NDArray[np.float64]

_LEAST = 1e-300  # a probability that the model gives as 0
_GAP = 1e-16  # between 1 and a probability that is rounded to it


@dataclass(frozen=True)
class Recognition:
    """Where a model's class scores are read, and what makes them probabilities.

    Log-odds are log(p / (1 - p)): they grow with the probability p, and tell apart what rounding makes 0 or 1.
    Behind a softmax they are the class's score less the log-sum-exp of all others.
    """

    layer: str
    squash: Squash

    @classmethod
    def of(cls, model: Adapter) -> "Recognition":
        """How `viz` reads this model's probabilities. Raises `UsageError` where it has no class scores."""
        layer, squash, _ = place_of(scores_of(model), "probability")
        return cls(layer, squash)

    def scores(self, model: Adapter, images: FloatArray) -> FloatArray:
        """The model's scores (b, classes) for images (b, 3, h, w), as its own forward pass gives them."""
        return per_image(model.run(images, [self.layer])[self.layer])

    def confidences(self, scores: FloatArray) -> FloatArray:
        """Probabilities (b, classes) of scores (b, classes)."""
        return probabilities(scores, self.squash)

    def log_odds(self, scores: FloatArray) -> Odds:
        """Log-odds (b, classes) of scores (b, classes); -inf where a score is not a number."""
        x = scores.astype(np.float64)
        with np.errstate(all="ignore"):  # what is not finite becomes -inf below
            if self.squash == "sigmoid":
                odds = x
            elif self.squash == "softmax":
                e = np.exp(x - x.max(axis=1, keepdims=True))
                total = e.sum(axis=1, keepdims=True)
                odds = np.log(np.maximum(e, _LEAST)) - np.log(np.maximum(total - e, _GAP * total))
            else:
                p = np.exp(x) if self.squash == "exp" else x
                odds = np.log(np.maximum(p, _LEAST)) - np.log(np.maximum(1 - p, _GAP))
        return np.where(np.isnan(odds), -np.inf, odds)

    def traced_log_odds(self, values: "Tensor", classes: "Tensor") -> "Tensor":
        """Log-odds (b,) of one class for each image, with autograd, from the traced scores (b, …)."""
        import torch

        scores = values.reshape(len(values), -1).double()
        chosen = scores.gather(1, classes[:, None])
        if self.squash == "sigmoid":
            return chosen[:, 0]
        if self.squash == "softmax":
            others = scores.scatter(1, classes[:, None], -torch.inf)
            return chosen[:, 0] - others.logsumexp(dim=1)
        p = chosen[:, 0].exp() if self.squash == "exp" else chosen[:, 0]
        return p.clamp_min(_LEAST).log() - (1 - p).clamp_min(_GAP).log()


def log_odds_of(probability: float) -> float:
    """log(p / (1 - p)) of a probability between 0 and 1."""
    return math.log(probability) - math.log1p(-probability)


def probability_of(log_odds: Odds) -> FloatArray:
    """The probability whose log-odds these are."""
    return (1 / (1 + np.exp(-np.clip(log_odds, -500, 500)))).astype(np.float32)
