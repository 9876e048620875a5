"""The one loop of all techniques that optimize an image: view, gradient, penalties, step, what is kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Generator, Tensor

from viz.core.adapter import Rule
from viz.core.images import Pixels, to_bytes
from viz.core.making import Watch
from viz.core.result import FloatArray
from viz.core.torch_errors import torch_errors
from viz.techniques.synthesis._objective import Objective
from viz.techniques.synthesis._optimizers import Name, optimizer

REDIRECTED_STEPS = 16  # Lucid's number, in which units that were dead at the start have come alive

# From pictures (b, 3, H, W) and a seeded generator to what the model sees of them, (b, 3, h, w).
View = Callable[[Tensor, Generator], Tensor]
# From pictures (b, 3, H, W) to a number for each, (b,), that is driven down.
Penalty = Callable[[Tensor], Tensor]
# Changes the pictures' tensors in place after a step: pictures' gradient (b, 3, H, W) and the number of steps done.
Upkeep = Callable[[Tensor, int], None]


class Parameters(Protocol):
    """What is optimized, and the pictures that it stands for."""

    @property
    def tensors(self) -> Sequence[Tensor]:
        """The leaves that the steps change; first axis: pictures."""
        ...

    def pictures(self) -> Tensor:
        """The pictures, (b, 3, H, W) in [0, 1], with autograd."""
        ...

    def after_step(self) -> None:
        """Bring the tensors back to where they may be."""
        ...


@dataclass(frozen=True)
class Optimization:
    """All that decides how pictures are optimized.

    Attributes:
        objective: what is driven up, on what the model sees.
        parameters: what is changed.
        view: what the model sees of the pictures; drawn anew in every step.
        penalties: what is driven down, of the pictures themselves.
        upkeep: done after each step.
        learning_rate: length of the first step; `rates` gives the part of it for each share of the way done.
        told: told the share of the way done before every step, such as penalties whose weight changes.
        redirected: steps at the start in which the gradient is sent through rectifiers that are closed.
        views_each: how many images the view gives for each picture, those of one picture one after the other; a
            picture's objective is their mean.
        keep_best: give the pictures with the best objective, penalties included, rather than the last ones; only
            sensible for a view without chance.
    """

    objective: Objective
    parameters: Parameters
    view: View
    steps: int
    method: Name = "adam"
    learning_rate: float = 0.05
    penalties: Sequence[Penalty] = ()
    upkeep: Sequence[Upkeep] = ()
    rates: Callable[[float], float] = lambda share: 1.0
    told: Sequence[Callable[[float], None]] = ()
    redirected: int = 0
    seed: int = 0
    keep_best: bool = False
    views_each: int = 1

    @property
    def count(self) -> int:
        """How many pictures are optimized."""
        return len(self.objective.targets) // self.views_each


@dataclass
class Way:
    """What an optimization gave: pictures (b, 3, H, W) in [0, 1], and what is kept of the way there.

    Attributes:
        curve: (steps, b) each picture's objective at every step, before the step.
        losses: (steps, b) minus the objective plus all penalties.
        frames: for each picture, what it looked like at equal steps.
        still: for each picture, whether no gradient ever reached it.
    """

    pictures: FloatArray
    curve: FloatArray
    losses: FloatArray
    frames: list[list[Pixels]] = field(default_factory=list)
    still: tuple[bool, ...] = ()


def optimize(plan: Optimization, watch: Watch, what: str = "objective") -> Way:
    """Run an optimization to its end, or until Ctrl-C: then what there is, with `watch.interrupted` set.

    The same plan gives the same bytes. Raises `NotSupported` where no gradient reaches the pixels.
    """
    return _Run(plan, watch, what).way()


class _Run:
    def __init__(self, plan: Optimization, watch: Watch, what: str):
        self._plan, self._watch, self._what = plan, watch, what
        self._generator = Generator()
        count = plan.count
        self._steps_done = 0
        self._curve: list[FloatArray] = []
        self._losses: list[FloatArray] = []
        self._frames: list[list[Pixels]] = [[] for _ in range(count)]
        self._moved = torch.zeros(count, dtype=torch.bool)
        self._best_loss = np.full(count, np.inf, np.float32)
        self._best: Tensor | None = None
        self._picture_gradient: Tensor | None = None

    def way(self) -> Way:
        plan = self._plan
        steps = optimizer(plan.method, plan.parameters.tensors, plan.learning_rate)
        self._watch.begin(plan.steps, self._what)
        try:
            for done in range(plan.steps):
                steps.scale(plan.rates(done / plan.steps))
                for tell in plan.told:
                    tell(done / plan.steps)
                self._keep_frame(done)
                self._step(steps.step, done)
                self._watch.step(done + 1, float(self._curve[-1].mean()))
        except KeyboardInterrupt:
            self._watch.interrupted = True
        return self._result()

    def _step(self, take: Callable[[Callable[[], Tensor]], None], done: int) -> None:
        plan, evaluations = self._plan, len(self._curve)
        self._steps_done = evaluations
        with torch_errors(plan.objective.model.source.name):
            take(lambda: self._evaluated(done))
        # A line search looks more than once; only its first look is at pictures that `after_step` has seen to.
        del self._curve[evaluations + 1 :], self._losses[evaluations + 1 :]
        with torch.no_grad():
            plan.parameters.after_step()
            if plan.upkeep and self._picture_gradient is not None:
                for keep in plan.upkeep:
                    keep(self._picture_gradient, done + 1)

    def _evaluated(self, done: int) -> Tensor:
        """The loss, with its gradient left on the parameters. Chance is the same whenever a step asks again."""
        plan = self._plan
        for tensor in plan.parameters.tensors:
            tensor.grad = None
        self._generator.manual_seed(plan.seed * 1_000_003 + done)
        pictures = plan.parameters.pictures()
        seen = plan.view(pictures, self._generator)
        rule: Rule = "redirected" if done < plan.redirected else "plain"
        driven = plan.objective.driven(seen, rule)
        values = driven.values.view(plan.count, -1).mean(1)
        self._moved |= (driven.gradient.reshape(plan.count, -1) != 0).any(1).cpu()
        # Upkeep wants the objective's gradient alone: what is penalized is another view of the same parameters then.
        judged = plan.parameters.pictures() if plan.upkeep else pictures
        penalty = sum((one(judged) for one in plan.penalties), torch.zeros(len(pictures)))
        losses = penalty.detach() - values.to(penalty)
        self._note(values, losses, pictures)
        if plan.upkeep:
            pictures.retain_grad()
        into = [seen, *([penalty.sum()] if penalty.requires_grad else [])]
        torch.autograd.backward(
            into, [-driven.gradient.to(seen) / plan.views_each, *([torch.ones(())] if len(into) > 1 else [])]
        )
        self._picture_gradient = pictures.grad if plan.upkeep else None
        return losses.sum()

    def _note(self, values: Tensor, losses: Tensor, pictures: Tensor) -> None:
        first_look = len(self._curve) == self._steps_done
        self._curve.append(values.float().cpu().numpy())
        self._losses.append(losses.float().cpu().numpy())
        if self._plan.keep_best and first_look:
            better = self._losses[-1] < self._best_loss
            if self._best is None:
                self._best = pictures.detach().clone()
            self._best[torch.from_numpy(better)] = pictures.detach()[torch.from_numpy(better)]
            self._best_loss = np.where(better, self._losses[-1], self._best_loss)

    def _keep_frame(self, done: int) -> None:
        wanted, steps = self._watch.frames, self._plan.steps
        if wanted and done * wanted // steps != (done - 1) * wanted // steps:
            for frames, picture in zip(self._frames, _array(self._plan.parameters.pictures()), strict=True):
                frames.append(to_bytes(picture))

    def _result(self) -> Way:
        pictures = self._plan.parameters.pictures() if self._best is None else self._last_look()
        found = _array(pictures)
        if self._watch.frames:
            for frames, picture in zip(self._frames, found, strict=True):
                frames.append(to_bytes(picture))
        empty = np.empty((0, len(found)), np.float32)
        curve, losses = (np.stack(kept) if kept else empty for kept in (self._curve, self._losses))
        return Way(found, curve, losses, self._frames, tuple((~self._moved).tolist()))

    def _last_look(self) -> Tensor:
        """The best pictures, after the last step's have been looked at too."""
        assert self._best is not None, "kept since the first evaluation"
        if not self._watch.interrupted:
            self._steps_done = len(self._curve)
            self._evaluated(self._plan.steps)
            self._curve.pop(), self._losses.pop()
        return self._best


def _array(pictures: Tensor) -> FloatArray:
    found: FloatArray = pictures.detach().float().cpu().numpy().copy()
    return found
