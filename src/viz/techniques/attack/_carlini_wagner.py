"""Carlini and Wagner's L2 attack: Adam in tanh space, a search for the weight. Carlini & Wagner 2016, section VI.A."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from viz.techniques.attack._attack import Best, Found, Goal, Victim, per_image

SEARCHES = 9  # weights that are tried, as in the authors' own settings
_FIRST_WEIGHT = 1e-2
_EDGE = 1 - 1e-6  # keeps black and white at a finite place in tanh space


def carlini_wagner(
    victim: Victim, pictures: Tensor, goal: Goal, steps: int, learning_rate: float = 0.01
) -> Iterator[Found]:
    """Minimise |x' - x|^2 + c max(margin - lead, 0) over w, x' = (tanh w + 1) / 2 (arXiv 1608.04644).

    `steps` gradients are shared out among the weights c: ten times as large until one fools, then halved in between.
    """
    best, weights = Best(pictures, goal), _Weights.first(pictures)
    start = torch.atanh((2 * pictures - 1) * _EDGE)
    for search in range(SEARCHES):
        fooled = torch.zeros(len(pictures), dtype=torch.bool, device=pictures.device)
        place, adam = start.clone(), _Adam(start, learning_rate)
        for _ in range(_share(steps, search)):
            moved = (place.tanh() + 1) / 2
            look = victim.look(moved, lambda scores, at: (goal.margin - goal.at(at).lead(scores)).clamp_min(0))
            everywhere = torch.arange(len(pictures), device=pictures.device)
            fooled |= best.consider(everywhere, moved, look.scores)
            slope = 2 * (moved - pictures) + per_image(weights.value) * look.gradients
            place = place + adam.step(slope * (1 - place.tanh().square()) / 2)
            yield best.found
        weights = weights.next(fooled)


def _share(steps: int, search: int) -> int:
    return steps * (search + 1) // SEARCHES - steps * search // SEARCHES


@dataclass(frozen=True)
class _Weights:
    """The weight c of each image, between the largest that failed and the smallest that fooled."""

    value: Tensor
    failed: Tensor
    worked: Tensor

    @classmethod
    def first(cls, pictures: Tensor) -> "_Weights":
        zeros = torch.zeros(len(pictures), device=pictures.device)
        return cls(zeros + _FIRST_WEIGHT, zeros, zeros + torch.inf)

    def next(self, fooled: Tensor) -> "_Weights":
        failed = torch.where(fooled, self.failed, self.value)
        worked = torch.where(fooled, self.value, self.worked)
        return _Weights(torch.where(worked.isinf(), self.value * 10, (failed + worked) / 2), failed, worked)


class _Adam:
    """Kingma & Ba 2014, algorithm 1, with their constants."""

    def __init__(self, like: Tensor, rate: float):
        self._rate, self._steps = rate, 0
        self._mean, self._square = torch.zeros_like(like), torch.zeros_like(like)

    def step(self, gradient: Tensor) -> Tensor:
        self._steps += 1
        self._mean = 0.9 * self._mean + 0.1 * gradient
        self._square = 0.999 * self._square + 0.001 * gradient.square()
        mean = self._mean / (1 - 0.9**self._steps)
        square = self._square / (1 - 0.999**self._steps)
        return -self._rate * mean / (square.sqrt() + 1e-8)
