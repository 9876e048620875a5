"""Noise that is driven up a class's log-odds until the model is sure: gradient ascent on many pictures at once."""

from collections.abc import Sequence

import numpy as np
import torch

from viz.core.adapter import Adapter
from viz.core.batching import in_batches
from viz.core.errors import NotSupported
from viz.core.gradients import check_path
from viz.core.images import to_bytes
from viz.core.making import Watch, rounded
from viz.core.result import FloatArray
from viz.core.torch_errors import torch_errors
from viz.techniques.attack._found import Found
from viz.techniques.attack._kept_frames import KeptFrames
from viz.techniques.attack._recognition import Odds, Recognition, probability_of

CONTRAST = 0.1  # standard deviation of the noise at the start, around middle gray
_STEP = 0.01  # of a pixel value in [0, 1], about the mean change in one step
_MOMENTUM = 0.9
_TINY = 1e-30
_PATIENCE = 60  # steps without progress before a new start, from stronger noise
_PROGRESS = 0.1  # of log-odds: less is none


class _Climb:
    """One class's picture on its way."""

    def __init__(self, index: int, size: tuple[int, int], seed: int, frames: int):
        self.index = index
        self._size, self._seed = size, seed
        self._frames = KeptFrames(frames)
        self._curve: list[float] = []
        self.arrived = False
        self.image, self._starts = self._noise(0), 1
        self._velocity = np.zeros_like(self.image)
        self._mark, self._waited = -np.inf, 0
        self._best, self._best_odds = self.image, -np.inf

    @property
    def confidence(self) -> float:
        """That of the best picture so far, as the search saw it."""
        return float(probability_of(np.array([self._best_odds]))[0])

    def look(self, odds: float) -> None:
        """The picture has these log-odds, rounded to 8 bits."""
        if odds > self._best_odds:
            self._best, self._best_odds = self.image, odds
        if self._frames.due(len(self._curve)):
            self._frames.add(to_bytes(self.image))
        self._curve.append(odds)
        if odds > self._mark + _PROGRESS:
            self._mark, self._waited = odds, 0
        else:
            self._waited += 1

    def step(self, gradient: FloatArray) -> None:
        """Up the gradient, whatever its size; values stay in [0, 1]. Or a new start, where nothing moves any more."""
        if self._waited >= _PATIENCE:
            self._begin_anew()
            return
        self._velocity = _MOMENTUM * self._velocity + gradient / max(float(np.abs(gradient).mean()), _TINY)
        length = np.float32(_STEP * (1 - _MOMENTUM))  # steps in one direction add up to 1 / (1 - momentum)
        self.image = np.clip(self.image + length * self._velocity, 0, 1)

    def found(self) -> Found:
        """The best picture so far."""
        frames, steps = self._frames.chosen(to_bytes(self._best)), len(self._curve)
        return Found(self._best, probability_of(np.array(self._curve)), steps, frames, steps)

    def _begin_anew(self) -> None:
        self.image = self._noise(self._starts)
        self._velocity = np.zeros_like(self.image)
        self._mark, self._waited = -np.inf, 0
        self._starts += 1

    def _noise(self, start: int) -> FloatArray:
        """The same for a class whichever others are made together with it; later starts are stronger."""
        chance = np.random.default_rng([self._seed, self.index, start])
        noise = chance.normal(0.5, CONTRAST * 2 ** min(start, 2), (3, *self._size))
        return np.clip(noise, 0, 1).astype(np.float32)


def ascended(model: Adapter, classes: Sequence[int], goal: float, steps: int, seed: int, watch: Watch) -> list[Found]:
    """For each class the first picture with log-odds of `goal`, or the best after so many steps or on Ctrl-C.

    The gradient is taken at the picture rounded to 8 bits, and a picture that seems to be there is looked at by the
    model's own forward pass. Source: Nguyen et al. 2015, arXiv 1412.1897, section 2.3, with steps of one size and
    no penalty. Raises `NotSupported` where the model has no gradient.
    """
    recognition = Recognition.of(model)
    climbs = [_Climb(index, model.size, seed, watch.frames) for index in classes]
    watch.begin(steps, "lowest confidence")
    try:
        for done in range(steps):
            active = [climb for climb in climbs if not climb.arrived]
            if not active:
                break
            _advance(model, recognition, active, goal)
            watch.step(done + 1, min(climb.confidence for climb in climbs))
    except KeyboardInterrupt:
        watch.interrupted = True
    return [climb.found() for climb in climbs]


def _advance(model: Adapter, recognition: Recognition, climbs: Sequence[_Climb], goal: float) -> None:
    """Look at all pictures, stop those that are there, and take a step with the others."""

    def piece(start: int, stop: int) -> tuple[Odds, FloatArray]:
        return _gradients(model, recognition, climbs[start:stop])

    found = in_batches(model, len(climbs), piece)
    odds, gradients = (np.concatenate(parts) for parts in zip(*found, strict=True))
    _confirm(model, recognition, climbs, odds, goal)
    for climb, value, gradient in zip(climbs, odds, gradients, strict=True):
        climb.look(float(value))
        climb.arrived = bool(value >= goal)
        if not climb.arrived:
            climb.step(np.nan_to_num(gradient, posinf=0, neginf=0))


def _confirm(model: Adapter, recognition: Recognition, climbs: Sequence[_Climb], odds: Odds, goal: float) -> None:
    """Put what the model's own forward pass says in the place of log-odds that reach the goal."""
    there = [int(which) for which in np.flatnonzero(odds >= goal)]
    if there:
        images = np.stack([rounded(climbs[which].image) for which in there])
        seen = recognition.log_odds(recognition.scores(model, images))
        odds[there] = [row[climbs[which].index] for row, which in zip(seen, there, strict=True)]


def _gradients(model: Adapter, recognition: Recognition, climbs: Sequence[_Climb]) -> tuple[Odds, FloatArray]:
    """Log-odds (b,) of each picture's class at the picture rounded to 8 bits, and their gradient (b, 3, h, w)."""
    images = torch.from_numpy(np.stack([rounded(climb.image) for climb in climbs])).requires_grad_()
    try:
        trace = model.trace(images, (recognition.layer,))
        scores = trace.values[recognition.layer]
        wanted = torch.tensor([climb.index for climb in climbs], device=scores.device)
        odds = recognition.traced_log_odds(scores, wanted)
        check_path(model, odds, trace)
    except NotSupported as problem:
        raise NotSupported(problem.problem, "evolution needs none: --from noise --encoding cppn, or direct") from None
    with torch_errors(model.source.name):
        (gradient,) = torch.autograd.grad(odds.sum(), images)
    found: FloatArray = gradient.float().cpu().numpy()
    return odds.detach().cpu().numpy(), found
