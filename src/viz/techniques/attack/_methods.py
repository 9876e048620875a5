"""Which attack it is, with its settings: from their names to the attack under way."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from viz.techniques.attack._attack import Found, Goal, Victim
from viz.techniques.attack._ball import Ball
from viz.techniques.attack._carlini_wagner import carlini_wagner
from viz.techniques.attack._deepfool import deepfool
from viz.techniques.attack._fgsm import fgsm
from viz.techniques.attack._pgd import pgd
from viz.techniques.attack._szegedy import szegedy

if TYPE_CHECKING:
    from viz.techniques.attack.fool import Fool

_LINF = 8 / 255
_RMS = 2 / 255  # of the L2 ball, so that its radius grows with the picture


def ball_of(settings: "Fool", values: int) -> Ball | None:
    """Where the attack may go in pictures of so many values; None for one that looks for the smallest distance."""
    if settings.attack not in ("fgsm", "pgd"):
        return None
    default = _LINF if settings.norm == "linf" else _RMS * float(values) ** 0.5
    return Ball("linf" if settings.norm == "linf" else "l2", settings.epsilon or default)


def steps_of(
    settings: "Fool", victim: Victim, pictures: Tensor, goal: Goal, ball: Ball | None, seeds: Sequence[int]
) -> Iterator[Found]:
    """The attack on pictures (b, 3, H, W), one step at a time; `seeds` are one for each of them."""
    steps = settings.gradients
    if ball is not None:
        if settings.attack == "fgsm":
            return fgsm(victim, pictures, goal, ball)
        return pgd(victim, pictures, goal, ball, steps, seeds, settings.step_size)
    if settings.attack == "carlini-wagner":
        return carlini_wagner(victim, pictures, goal, steps, settings.learning_rate or 0.01)
    attack = {"szegedy": szegedy, "deepfool": deepfool}[settings.attack]
    return attack(victim, pictures, goal, steps)
