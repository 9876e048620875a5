"""The fast gradient (sign) method: one step of the whole length allowed. Goodfellow et al. 2014, section 4."""

from collections.abc import Iterator

from torch import Tensor

from viz.techniques.attack._attack import Found, Goal, Victim
from viz.techniques.attack._ball import Ball


def fgsm(victim: Victim, pictures: Tensor, goal: Goal, ball: Ball) -> Iterator[Found]:
    """Down the loss by one step on the ball's surface, clipped to [0, 1].

    A forward pass of the result says which are fooled.
    """
    look = victim.look(pictures, goal.reading())
    moved = (pictures - ball.radius * ball.steepest(look.gradients)).clamp(0, 1)
    yield Found(moved, goal.reached(goal.lead(victim.scores(moved))))
