"""Projected gradient descent from a random start in the ball. Madry et al. 2017, section 2.1, arXiv 1706.06083."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from viz.techniques.attack._attack import Found, Goal, Victim, per_image
from viz.techniques.attack._ball import Ball

_REACH = 2.5  # so many radii in all steps together: Madry et al.'s public challenge


def pgd(
    victim: Victim,
    pictures: Tensor,
    goal: Goal,
    ball: Ball,
    steps: int,
    seeds: Sequence[int],
    step_size: float | None = None,
) -> Iterator[Found]:
    """Steepest steps down the loss, each projected onto the ball and the box [0, 1]; one gradient a step.

    `seeds` are one for each picture, so that it does not matter which others are in the batch; `step_size` is in the
    norm's own units, and the same for all steps; without it steps fall evenly to 0. Of each picture's way, the place
    with the greatest lead is kept.
    """
    mean = _REACH * ball.radius / steps
    moved = (pictures + _starts(pictures, ball, seeds)).clamp(0, 1)
    kept, greatest = moved, moved.new_full((len(moved),), -torch.inf)
    for done in range(steps + 1):
        look = victim.look(moved, goal.reading()) if done < steps else None
        lead = goal.lead(victim.scores(moved) if look is None else look.scores)
        kept = torch.where(per_image(lead > greatest), moved, kept)
        greatest = torch.maximum(lead, greatest)
        yield Found(kept, goal.reached(greatest))
        if look is not None:
            # Long steps first and short ones last get nearer to the edge of the ball than equal ones.
            length = step_size or 2 * mean * (1 - (done + 0.5) / steps)
            step = length * ball.steepest(look.gradients)
            moved = (pictures + ball.inside(moved - step - pictures)).clamp(0, 1)


def _starts(pictures: Tensor, ball: Ball, seeds: Sequence[int]) -> Tensor:
    starts = [ball.random_start(pictures.shape[1:], torch.Generator().manual_seed(seed)) for seed in seeds]
    return torch.stack(starts).to(pictures)
