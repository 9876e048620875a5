"""The smallest perturbation towards a target, by L-BFGS in the box [0, 1]. Szegedy et al. 2013, section 4.1."""

from collections.abc import Iterator

import torch
from torch import Tensor

from viz.techniques.attack._attack import SHARP, Best, Found, Goal, Victim
from viz.techniques.attack._penalty_search import PenaltySearch, Point


def szegedy(victim: Victim, pictures: Tensor, goal: Goal, steps: int) -> Iterator[Found]:
    """Minimise c |r|^2 + loss(x + r, target) with x + r in [0, 1], for the c with the smallest r that fools.

    The loss is the cross-entropy of sharpened scores, and the norm is squared: arXiv 1312.6199 writes c |r|, which
    has no derivative at 0. The c is found by line search. At most `steps` gradients an image, all images of a batch
    at a time, each with its own c and its own step length.
    """
    best, search = Best(pictures, goal), None
    going = torch.arange(len(pictures), device=pictures.device)
    trial = pictures
    for _ in range(steps):
        look = victim.look(trial, goal.at(going).reading(SHARP))
        fooled = best.consider(going, trial, look.scores)
        yield best.found
        seen = Point(trial, look.values, look.gradients)
        if search is None:
            search, done = PenaltySearch.begin(seen), fooled
        else:
            done = search.advance(seen, fooled)
        if done.all():
            return
        if done.any():
            search, going = search.at((~done).nonzero()[:, 0]), going[~done]
        trial = search.trial()
