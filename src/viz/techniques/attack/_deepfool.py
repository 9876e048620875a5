"""DeepFool: to the nearest boundary of the linearised model, again and again. Moosavi-Dezfooli et al. 2016."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from viz.techniques.attack._attack import Best, Found, Goal, Victim, norms, per_image

_RIVALS = 10  # classes whose boundaries are looked at, as in the paper's experiments
_OVERSHOOT = 0.02  # eta in section 4 of the paper
_TINY = 1e-12


def deepfool(victim: Victim, pictures: Tensor, goal: Goal, steps: int) -> Iterator[Found]:
    """Algorithm 2 (arXiv 1511.04599) for pictures (b, 3, H, W), one forward pass and up to ten backward passes a step.

    Untargeted, the boundary is the nearest one to any of the ten classes that scored highest at the start. Towards
    a target it is the one between the target and the class that leads at the moment.
    """
    best, total = Best(pictures, goal), torch.zeros_like(pictures)
    rivals = _rivals(victim, pictures, goal)
    going = torch.arange(len(pictures), device=pictures.device)
    for _ in range(steps + 1):
        moved = (pictures[going] + (1 + _OVERSHOOT) * total[going]).clamp(0, 1)
        look = victim.look(moved, _Gaps(goal.at(going), rivals[going]))
        fooled = best.consider(going, moved, look.scores)
        total[going] += _to_the_nearest(goal.margin - look.values, look.gradients)
        yield best.found
        going = going[~fooled]
        if not len(going):
            return


def _rivals(victim: Victim, pictures: Tensor, goal: Goal) -> Tensor:
    """(b, k) the classes to compare with the goal's own; k = 1, the class itself, where all are targeted."""
    if goal.targeted.all():
        return goal.classes[:, None]
    scores = victim.scores(pictures)
    order = scores.scatter(1, goal.classes[:, None], -torch.inf).argsort(dim=1, descending=True, stable=True)
    return order[:, : min(_RIVALS, scores.shape[1] - 1)]


@dataclass(frozen=True)
class _Gaps:
    """(n, k) by how much each way of reaching the goal is ahead; below 0 it is still to go."""

    goal: Goal
    rivals: Tensor

    def __call__(self, scores: Tensor, places: Tensor) -> Tensor:
        goal, rivals = self.goal.at(places), self.rivals[places]
        own = scores.gather(1, goal.classes[:, None])
        away = scores.gather(1, rivals) - own
        return torch.where(goal.targeted[:, None], goal.lead(scores)[:, None].expand_as(away), away)


def _to_the_nearest(gaps: Tensor, gradients: Tensor) -> Tensor:
    """The shortest step to any of the linearised boundaries: gap * w / |w|^2 (eq. 8 and 9)."""
    lengths = gradients.flatten(2).norm(dim=2).clamp_min(_TINY)
    nearest = (gaps / lengths).argmin(dim=1)
    rows = torch.arange(len(gaps), device=gaps.device)
    w, gap = gradients[rows, nearest], gaps[rows, nearest].clamp_min(0)
    return per_image((gap + 1e-4) / norms(w).clamp_min(_TINY).square()) * w
