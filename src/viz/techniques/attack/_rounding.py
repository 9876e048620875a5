"""From a perturbation to whole pixel values that still fool, judged on the picture as it will be saved.

A perturbation of less than half a level of 1/255 rounds to nothing, and the rounding errors of all pixels together
are as large as a small perturbation. So a perturbation that is not rounded is kept beside the rounded picture, and
moved by what the rounded one shows: a step up the gradient, taken there, where it does not fool, a little shrinking
where it does. (Shrinking and growing in turn is how Rony et al. 2018, arXiv 1811.09600, approach the boundary.)
Taking steps in whole levels does not work: gradients of a network hold for less than that, and it is only their
mean over many roundings that leads somewhere.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from viz.core.fitting import fit_pixels
from viz.core.images import Pixels
from viz.core.making import Watch
from viz.techniques.attack._attack import SHARP, Found, Goal, Victim, norms, per_image
from viz.techniques.attack._ball import Ball

_ROUNDS = 30  # of moving and shrinking
_MORE_ROUNDS = 40  # for those that do not fool by then
_STEP = 0.02  # of the perturbation's length: how far it moves or shrinks in a round
_GROWTH = 1.1  # of the step with every further round in a row that does not fool
_SHORTEST = 2.0  # levels: a step of less takes too many rounds to change a single value
_ROUNDING = 1e-4  # of the largest score: a lead that another order of summation might undo is none
_TINY = 1e-12


@dataclass(frozen=True)
class Saved:
    """Pictures as they will be saved, (h, w, 3) uint8 each, and which of them fool the model, (b,)."""

    pictures: list[Pixels]
    fooled: list[bool]


def saved(
    victim: Victim,
    originals: list[Pixels],
    found: Found,
    goal: Goal,
    ball: Ball | None = None,
    watch: Watch | None = None,
) -> Saved:
    """Pictures near those `found` that fool when they are read back from an 8-bit file.

    Each is cropped and resized by Pillow and run by the model's own runtime to see whether it does. Without a
    `ball` they are as close to the originals in L2 as could be found; with one they stay inside it, and are only
    moved where rounding made them fail. Where the attack itself failed the picture is rounded, and no more: what
    this could still do would be another attack. Ctrl-C ends it early and sets `watch.interrupted`.
    """
    grid = _Grid(victim, originals, found.pictures, goal, ball)
    every = torch.arange(len(originals), device=found.pictures.device)
    try:
        grid.advance(every)
        for done in range(1, _ROUNDS + _MORE_ROUNDS):
            only_failed = ball is not None or done >= _ROUNDS
            at = every[found.fooled & ~grid.fooled if only_failed else found.fooled]
            if not len(at):
                break
            grid.advance(at)
    except KeyboardInterrupt:
        if watch is not None:
            watch.interrupted = True
    return Saved(grid.pictures(), grid.fooled.tolist())


class _Grid:
    """A perturbation `free` of whole levels for each image, and the best in whole `levels` so far, (b, 3, H, W)."""

    def __init__(self, victim: Victim, originals: list[Pixels], perturbed: Tensor, goal: Goal, ball: Ball | None):
        self._victim, self._goal, self._ball = victim, goal, ball
        self._base = torch.from_numpy(np.stack(originals)).permute(0, 3, 1, 2).to(perturbed)
        self._free = perturbed * 255 - self._base
        self._levels = torch.zeros_like(self._base)
        self.fooled = torch.zeros(len(originals), dtype=torch.bool, device=perturbed.device)
        self._leads = self._base.new_full((len(originals),), -torch.inf)
        self._first = (_STEP * norms(self._free)).clamp_min(_SHORTEST)
        self._steps = self._first.clone()

    def advance(self, at: Tensor) -> None:
        """One round of the images `at`."""
        levels = self._allowed(at)
        enough = self._take(levels, at)
        self._free[at[enough]] *= 1 - _STEP
        self._steps[at[enough]] = self._first[at[enough]]
        self._climb(at[~enough], levels[~enough])

    def pictures(self) -> list[Pixels]:
        """The pictures as they stand, (h, w, 3) each."""
        return _bytes(self._base + self._levels)

    def _allowed(self, at: Tensor) -> Tensor:
        """Perturbations in whole levels that stay in the ball, and in 0 to 255 once they are added."""
        levels, base = self._free[at].round(), self._base[at]
        if self._ball is not None:
            levels = self._ball.inside_in_levels(levels)
        return (base + levels).clamp(0, 255) - base

    def _take(self, levels: Tensor, at: Tensor) -> Tensor:
        """Keep what is better than before: fooling, then nearer to the original or to fooling; which fool, (n,)."""
        leads, enough = self._judged(self._base[at] + levels, at)
        nearer = norms(levels) < norms(self._levels[at])
        better = torch.where(self.fooled[at], enough & nearer, enough | (leads > self._leads[at]))
        self._levels[at[better]] = levels[better]
        self._leads[at[better]] = leads[better]
        self.fooled[at] |= enough
        return enough

    def _judged(self, values: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
        """Leads of pictures as files of them will have, and whether they are enough whatever the batch."""
        victim, goal = self._victim, self._goal.at(at)
        seen = np.stack([fit_pixels(pixels, victim.model.preprocess).pixels for pixels in _bytes(values)])
        scores = victim.readable(torch.from_numpy(victim.model.run(seen, [victim.layer])[victim.layer])).to(values)
        leads = goal.lead(scores)
        return leads, goal.reached(leads - _ROUNDING * scores.abs().amax(1))

    def _climb(self, at: Tensor, levels: Tensor) -> None:
        """A step towards the goal by the gradient at the rounded pictures; the next in a row is longer."""
        if not len(at):
            return
        look = self._victim.look((self._base[at] + levels) / 255, self._goal.at(at).reading(SHARP))
        step = per_image(self._steps[at] / norms(look.gradients).clamp_min(_TINY)) * look.gradients
        self._free[at] = (self._base[at] + self._free[at] - step).clamp(0, 255) - self._base[at]
        self._steps[at] *= _GROWTH


def _bytes(values: Tensor) -> list[Pixels]:
    """Whole values (b, 3, H, W) in 0 to 255 as pictures (H, W, 3)."""
    return list(values.permute(0, 2, 3, 1).to(torch.uint8).cpu().numpy())
