"""The line search on c around c |r|^2 + loss(x + r): each image has its own c, solved by L-BFGS in the box."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from viz.techniques.attack._attack import dots, norms, per_image
from viz.techniques.attack._box_lbfgs import Memory, free_of, sufficient

_SOLVED = 1e-3  # part of the objective below which a step says that this c is done
_STEPS_PER_WEIGHT = 12
_SHORTEST = 2.0**-8  # of a step; below it, this c is done
_SAME = 1.05  # two weights nearer than this factor are one
_TINY = 1e-12


@dataclass(frozen=True)
class Point:
    """Pictures x + r (b, 3, H, W), their loss (b,), and its gradient."""

    place: Tensor
    loss: Tensor
    slope: Tensor

    def where(self, taken: Tensor, other: "Point") -> "Point":
        """These points for the images that are `taken`, (b,), the other ones for the rest."""
        here = per_image(taken)
        return Point(
            torch.where(here, self.place, other.place),
            torch.where(taken, self.loss, other.loss),
            torch.where(here, self.slope, other.slope),
        )

    def at(self, places: Tensor) -> "Point":
        """The points of some of the images."""
        return Point(self.place[places], self.loss[places], self.slope[places])


@dataclass
class PenaltySearch:
    """Where each image stands; first axis: those that still go on.

    From r = 0, c is halved until one fools: so the search comes from outside, and hardly overshoots. Then it is
    doubled while that still fools, and halved in the logarithm between the largest that does and the smallest that
    does not. Each c begins where the last one ended, or, where that stopped fooling, at the nearest that fooled:
    a loss has many valleys, and a c that fools from one start may not from another.

    Attributes:
        start: x, (b, 3, H, W).
        here: the current x + r.
        fooled: whether the model is fooled there, (b,).
        anchor, distance: the nearest x + r that fooled, and how far it is from x, infinite where there is none.
        weight, fails, works: c, the smallest c that stopped fooling, and the largest that fooled.
        step, direction: the length of the next step and where it goes.
        taken: steps with this c.
        memory: what the steps so far say about the curvature.
    """

    start: Tensor
    here: Point
    fooled: Tensor
    anchor: Point
    distance: Tensor
    weight: Tensor
    fails: Tensor
    works: Tensor
    step: Tensor
    direction: Tensor
    taken: Tensor
    memory: Memory

    @classmethod
    def begin(cls, at: Point) -> "PenaltySearch":
        """At r = 0. The first c is right for a linear model with an even decision between two classes."""
        zeros = torch.zeros_like(at.loss)
        weight = dots(at.slope, at.slope) / (4 * at.loss.clamp_min(_TINY)) + _TINY
        far, still, memory = zeros + torch.inf, torch.zeros_like(at.place), Memory.empty(at.place)
        search = cls(at.place, at, zeros > 0, at, far, weight, far, zeros, zeros + 1, still, zeros, memory)
        search._turn()
        return search

    def at(self, places: Tensor) -> "PenaltySearch":
        """Those images that go on."""
        parts: dict[str, Any] = {name: part[places] for name, part in vars(self).items() if isinstance(part, Tensor)}
        here, anchor, memory = self.here.at(places), self.anchor.at(places), self.memory.at(places)
        return PenaltySearch(here=here, anchor=anchor, memory=memory, **parts)

    def trial(self) -> Tensor:
        """Where to look next, (b, 3, H, W)."""
        return (self.here.place + per_image(self.step) * self.direction).clamp(0, 1)

    def advance(self, seen: Point, fooled: Tensor) -> Tensor:
        """Take what was seen at the trial points; which images are done, (b,)."""
        moved = seen.place - self.here.place
        before, after = self._objective(self.here), self._objective(seen)
        accepted = sufficient(before, after, dots(self._gradient(), moved))
        self.memory.learn(accepted, moved, seen.slope - self.here.slope)
        self.here = seen.where(accepted, self.here)
        self.fooled = torch.where(accepted, fooled, self.fooled)
        self._drop_anchor(accepted & fooled)
        self.step = torch.where(accepted, 1.0, self.step / 2)
        self.taken = self.taken + 1
        flat = accepted & (before - after <= _SOLVED * before.abs())
        self._next_weight(flat | (self.step < _SHORTEST) | (self.taken >= _STEPS_PER_WEIGHT))
        self._turn()
        return self.fails <= self.works * _SAME

    def _objective(self, at: Point) -> Tensor:
        return self.weight * norms(at.place - self.start).square() + at.loss

    def _gradient(self) -> Tensor:
        return per_image(2 * self.weight) * (self.here.place - self.start) + self.here.slope

    def _turn(self) -> None:
        """A new direction, downhill whatever the memory says."""
        gradient = self._gradient()
        free = free_of(self.here.place, gradient)
        direction = self.memory.direction(gradient, free, self.weight)
        uphill = dots(direction, gradient) >= 0
        if uphill.any():
            plain = -gradient * free / per_image(2 * self.weight)
            direction = torch.where(per_image(uphill), plain, direction)
        self.direction = direction

    def _drop_anchor(self, fooled: Tensor) -> None:
        distance = norms(self.here.place - self.start)
        nearer = fooled & (distance < self.distance)
        self.anchor = self.here.where(nearer, self.anchor)
        self.distance = torch.where(nearer, distance, self.distance)

    def _next_weight(self, solved: Tensor) -> None:
        """Another c where this one is solved: larger where it fools, for a smaller perturbation."""
        reached = self.distance.isfinite()
        self.works = torch.where(solved & self.fooled, self.weight, self.works)
        # A c that fails before any has fooled says little: its steps may just have been too few.
        self.fails = torch.where(solved & ~self.fooled & (self.works > 0), self.weight, self.fails)
        found_both = (self.works > 0) & self.fails.isfinite()
        outwards = torch.where(self.fooled, self.weight * 2, self.weight / 2)
        another = torch.where(found_both, (self.works * self.fails).sqrt(), outwards)
        back = solved & ~self.fooled & reached
        self.here, self.fooled = self.anchor.where(back, self.here), self.fooled | back
        self.weight = torch.where(solved, another, self.weight)
        self.step = torch.where(solved, 1.0, self.step)
        self.taken = torch.where(solved, 0.0, self.taken)
