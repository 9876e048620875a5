"""The optimization that rebuilds an image from a layer: the frequencies of a picture first, then its pixels."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from viz.core.adapter import Adapter
from viz.core.images import Pixels as Frame
from viz.core.making import Watch
from viz.core.result import FloatArray
from viz.techniques.synthesis._fading import Fading, faded
from viz.techniques.synthesis._fourier import Fourier, chance
from viz.techniques.synthesis._objective import Objective
from viz.techniques.synthesis._optimization import Optimization, Parameters, optimize
from viz.techniques.synthesis._pixels import Pixels
from viz.techniques.synthesis._regularizers import AlphaNorm, TotalVariation
from viz.techniques.synthesis._starts import is_gray

if TYPE_CHECKING:
    from viz.techniques.synthesis.invert import Invert

RATES = {"adam": 0.04, "lbfgs": 1.0}
_ALPHA, _REACH = 6, 0.5  # the norm's power, and the farthest that a pixel can be from mid-gray
_FREQUENCIES_FIRST, _FREQUENCIES_LAST = 0.2, 1.0  # share of the steps, for the first layer and for the last
_LONG_ENOUGH = 0.25  # share of the steps that pixels are worth: their first steps disturb more than they mend
_DEEP = 0.1  # length of the pixels' steps for the last layer, as part of those for the first
_SHALLOW = 0.01  # penalties for the first layer, as part of those for the last: it needs no help to look natural
_SPREAD = {"fourier": 0.1, "pixels": 0.05}  # of noise; less leaves all rectifiers of some first layers closed


@dataclass(frozen=True)
class Part:
    """A stretch of the way: what is optimized, how fast (at its first step and its last), and how smooth it has to be.

    `variation` is the weight of the total variation at its first and last step.
    """

    kind: Literal["fourier", "pixels"]
    steps: int
    rates: tuple[float, float]
    variation: tuple[float, float]


@dataclass
class Rebuilt:
    """Pictures (b, 3, h, w) in [0, 1]; their errors at every step, (steps, b); frames of each; which never moved."""

    pictures: FloatArray
    errors: FloatArray
    frames: list[list[Frame]] = field(default_factory=list)
    still: tuple[bool, ...] = ()


def parts(asked: "Invert", depth: float) -> list[Part]:
    """The way for a layer at `depth` in [0, 1].

    Frequencies whose weights are those of photographs find colours and coarse shapes that the layer hardly tells
    of, and pixels the fine detail that it does; so the deeper the layer, the longer the first.
    """
    first = round({"fourier": 1.0, "pixels": 0.0}.get(asked.parameters, _frequencies(depth)) * asked.steps)
    rate = RATES[asked.optimizer] if asked.learning_rate is None else asked.learning_rate
    last = asked.tv_weight * part_of_penalties(depth)
    between = faded(asked.tv_start, last, first / asked.steps)
    calm = _DEEP ** (depth**2) if asked.parameters == "auto" else 1.0
    found = [
        Part("fourier", first, (rate, rate * (1 - first / asked.steps)), (asked.tv_start, between)),
        Part("pixels", asked.steps - first, (calm * rate, 0.0), (between, last)),
    ]
    if asked.optimizer == "lbfgs":  # its line search finds the length of every step
        found = [Part(one.kind, one.steps, (rate, rate), one.variation) for one in found]
    return [one for one in found if one.steps]


def _frequencies(depth: float) -> float:
    """The share of the steps that go to frequencies."""
    share = _FREQUENCIES_FIRST + (_FREQUENCIES_LAST - _FREQUENCIES_FIRST) * depth
    return share if share <= 1 - _LONG_ENOUGH else 1.0


def rebuilt(asked: "Invert", model: Adapter, objective: Objective, depth: float, watch: Watch) -> Rebuilt:
    """Run all parts, one from where the other ended; until Ctrl-C: what there is, with `watch.interrupted` set."""
    count, done = len(objective.targets), 0
    found = Rebuilt(np.empty((0,), np.float32), np.empty((0, count), np.float32), [[] for _ in range(count)])
    for part in parts(asked, depth):
        parameters = _parameters(asked, model, part, count, found.pictures if done else None)
        listener = _Part(watch, done, part.steps, asked.steps)
        way = optimize(_plan(asked, objective, part, parameters, depth), listener, "normalised error")
        frames = [old[:-1] + new for old, new in zip(found.frames, way.frames or found.frames, strict=True)]
        still = tuple(a and b for a, b in zip(found.still or way.still, way.still, strict=True))
        found = Rebuilt(way.pictures, np.concatenate([found.errors, -way.curve]), frames, still)
        if watch.interrupted:
            break
        done += part.steps
    return found


def part_of_penalties(depth: float) -> float:
    """What penalties count for a layer at `depth`, 1 for the last; the paper too scales them by layer."""
    return float(_SHALLOW ** (1 - depth))


def penalty(asked: "Invert", depth: float) -> Callable[[FloatArray], FloatArray]:
    """What counts besides the error in the end, for pictures (b, 3, h, w): (b,)."""
    norm, variation = _alpha_norm(asked, depth), TotalVariation(asked.tv_weight * part_of_penalties(depth))

    def of(pictures: FloatArray) -> FloatArray:
        tensor = torch.from_numpy(pictures)
        return (norm(tensor) + variation(tensor)).numpy()

    return of


def _plan(asked: "Invert", objective: Objective, part: Part, parameters: Parameters, depth: float) -> Optimization:
    smooth = Fading(TotalVariation(1.0), *part.variation)
    first, last = part.rates
    return Optimization(
        objective=objective,
        parameters=parameters,
        view=lambda pictures, generator: pictures,
        steps=part.steps,
        method="lbfgs" if asked.optimizer == "lbfgs" else "adam",
        learning_rate=first,
        rates=lambda share: 1 + (last / first - 1) * share if first else 0.0,
        told=[smooth.at],
        penalties=[smooth, _alpha_norm(asked, depth)],
        seed=asked.seed,
    )


def _alpha_norm(asked: "Invert", depth: float) -> AlphaNorm:
    """1 times the weight for a picture of black and white."""
    return AlphaNorm(asked.alpha_weight * part_of_penalties(depth) / _REACH**_ALPHA, alpha=_ALPHA)


def _parameters(asked: "Invert", model: Adapter, part: Part, count: int, before: FloatArray | None) -> Parameters:
    gray = is_gray("auto", model)
    if part.kind == "fourier" and before is None and asked.start == "noise":
        return Fourier(count, model.size, asked.seed, spread=_SPREAD["fourier"], gray=gray)
    start = _start(asked, model, count) if before is None else torch.from_numpy(before)
    return Fourier(count, model.size, start=start, gray=gray) if part.kind == "fourier" else Pixels(start, gray=gray)


def _start(asked: "Invert", model: Adapter, count: int) -> Tensor:
    if asked.start == "gray":
        return torch.full((count, 3, *model.size), 0.5)
    drawn = [torch.randn((3, *model.size), generator=chance(asked.seed, i)) for i in range(count)]
    return (0.5 + _SPREAD["pixels"] * torch.stack(drawn)).clamp(0, 1)


class _Part(Watch):
    """Tells of a part's steps as steps of the whole, and of the error, which is minus the objective."""

    def __init__(self, whole: Watch, before: int, steps: int, of: int):
        self._whole, self._before, self._of = whole, before, of
        self.frames = round(whole.frames * (before + steps) / of) - round(whole.frames * before / of)

    def begin(self, steps: int, what: str = "objective") -> None:
        """See `Watch.begin`."""
        if not self._before:
            self._whole.begin(self._of, what)

    def step(self, done: int, value: float) -> None:
        """See `Watch.step`."""
        self._whole.step(self._before + done, -value)

    @property
    def interrupted(self) -> bool:  # whatever stops a part stops the whole
        """See `Watch.interrupted`."""
        return self._whole.interrupted

    @interrupted.setter
    def interrupted(self, stopped: bool) -> None:
        self._whole.interrupted = stopped
