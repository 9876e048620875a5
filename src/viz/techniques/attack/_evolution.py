"""MAP-Elites: one champion for every wanted class, all evolved at once; forward passes only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from viz.core.adapter import Adapter
from viz.core.images import to_bytes
from viz.core.making import Watch, rounded
from viz.core.result import FloatArray
from viz.techniques.attack._found import Found
from viz.techniques.attack._kept_frames import KeptFrames
from viz.techniques.attack._recognition import Odds, Recognition, probability_of

CHILDREN = 64  # pictures of a generation
EPOCH = 250  # generations of the first one
_LONGER = 1.2  # each epoch than the one before
_UNFINISHED = 0.5  # part of the parents that come from classes which are not there yet
_NEAR = 2.2  # log-odds, 90 %, from which on a champion is refined as well
_REFINED = 0.5  # part of the children of a class that is so near


class Encoding(Protocol):
    """How a picture is written down as a genome. Nothing here changes a genome in place."""

    @property
    def restarts(self) -> bool:
        """Whether evolution gets stuck and is to begin anew from time to time."""
        ...

    def first(self, count: int, chance: Generator) -> Sequence[Any]:
        """Genomes to begin with."""
        ...

    def mutated(self, parents: Sequence[Any], generation: int, chance: Generator) -> Sequence[Any]:
        """One child of each parent; generations are counted from 0."""
        ...

    def refined(self, parents: Sequence[Any], generation: int, chance: Generator) -> Sequence[Any]:
        """One child of each parent that is nearly the same picture."""
        ...

    def drawn(self, genomes: Sequence[Any]) -> FloatArray:
        """The pictures (b, 3, h, w) in [0, 1]."""
        ...


@dataclass
class Niche:
    """One class: its champion, and the lineage that is bred from, which is the champion's until it is given up.

    Attributes:
        champion, odds: the best genome ever, and its log-odds.
        lineage, lineage_odds: the same of this epoch.
        arrived: the generation in which the champion reached the goal, or 0.
    """

    champion: Any = None
    odds: float = -np.inf
    lineage: Any = None
    lineage_odds: float = -np.inf
    arrived: int = 0

    def take(self, child: Any, odds: float) -> None:
        """A child takes the champion's place if it is better."""
        if odds > self.odds or self.champion is None:
            self.champion, self.odds = child, odds

    def go_on(self, child: Any, odds: float) -> None:
        """A child takes the lineage's place if it is better."""
        if odds > self.lineage_odds or self.lineage is None:
            self.lineage, self.lineage_odds = child, odds

    def begin_anew(self) -> None:
        """Forget the lineage; the champion stays."""
        self.lineage, self.lineage_odds = None, -np.inf


class Evolution:
    """The niches of the wanted classes, and what it took to fill them.

    Every generation changes random lineages and looks at the children once, rounded to 8 bits; a child takes the
    place of every champion whose class it is more surely recognised as. Source: Nguyen et al. 2015, arXiv
    1412.1897, section 2.2; MAP-Elites: Mouret & Clune 2015, arXiv 1504.04909.

    What is not in the papers: half of the parents come from classes that are still below `goal`; near the goal,
    half of a class's children are small changes of its champion; and where the encoding `restarts`, all lineages
    begin anew after an epoch, because classes get stuck, and other ones each time. Champions outlive epochs.

    Attributes:
        niches: one for each class; a champion's odds only ever grow.
        generation: how many there were.
    """

    def __init__(self, model: Adapter, encoding: Encoding, classes: Sequence[int], goal: float, seed: int = 0):
        self._model, self._encoding, self._classes, self._goal = model, encoding, list(classes), goal
        self._recognition = Recognition.of(model)
        self._chance = np.random.default_rng(seed)
        self.niches = [Niche() for _ in classes]
        self.generation = 0
        self._epoch, self._next_epoch = float(EPOCH), 0

    @property
    def finished(self) -> bool:
        """Whether every class is there."""
        return all(niche.arrived for niche in self.niches)

    @property
    def odds(self) -> Odds:
        """Log-odds of the champions, (classes,)."""
        return np.array([niche.odds for niche in self.niches])

    def champion_of(self, niche: Niche) -> Any:
        """Its champion, or any genome where no child was looked at yet."""
        return self._encoding.first(1, self._chance)[0] if niche.champion is None else niche.champion

    def advance(self) -> None:
        """One generation."""
        genomes, outside = self._children()
        scores = self._recognition.scores(self._model, rounded(self._encoding.drawn(genomes)))
        odds = self._recognition.log_odds(scores)[:, self._classes]
        self.generation += 1
        for niche, seen in zip(self.niches, odds.T, strict=True):
            best = int(seen.argmax())
            niche.take(genomes[best], float(seen[best]))
            of_epoch = np.where(outside, -np.inf, seen)
            best = int(of_epoch.argmax())
            niche.go_on(genomes[best], float(of_epoch[best]))
            if niche.odds >= self._goal and not niche.arrived:
                niche.arrived = self.generation

    def _children(self) -> tuple[Sequence[Any], NDArray[np.bool_]]:
        """Genomes, and for each whether it stands outside of this epoch: a child of an earlier one's champion."""
        if self.generation == self._next_epoch:
            return self._begin_epoch(), np.zeros(CHILDREN, bool)
        chosen = [self.niches[which] for which in self._parents()]
        fine = self._chance.random(CHILDREN) < _REFINED
        near = [niche for niche, refine in zip(chosen, fine, strict=True) if refine and niche.odds > _NEAR]
        others = [niche for niche, refine in zip(chosen, fine, strict=True) if not (refine and niche.odds > _NEAR)]
        refined = self._encoding.refined([niche.champion for niche in near], self.generation - 1, self._chance)
        mutated = self._encoding.mutated([niche.lineage for niche in others], self.generation - 1, self._chance)
        outside = [niche.champion is not niche.lineage for niche in near] + [False] * len(others)
        return [*refined, *mutated], np.array(outside)

    def _begin_epoch(self) -> Sequence[Any]:
        for niche in self.niches:
            niche.begin_anew()
        if self._encoding.restarts:
            self._next_epoch += round(self._epoch)
            self._epoch *= _LONGER
        return self._encoding.first(CHILDREN, self._chance)

    def _parents(self) -> NDArray[np.intp]:
        anyone = self._chance.integers(len(self.niches), size=CHILDREN)
        waiting = np.flatnonzero([not niche.arrived for niche in self.niches])
        if not len(waiting):
            return anyone
        preferred = waiting[self._chance.integers(len(waiting), size=CHILDREN)]
        return np.where(self._chance.random(CHILDREN) < _UNFINISHED, preferred, anyone)


def evolved(
    model: Adapter, encoding: Encoding, classes: Sequence[int], goal: float, generations: int, seed: int, watch: Watch
) -> list[Found]:
    """The champion of each class after so many generations, or once all have log-odds of `goal`, or on Ctrl-C."""
    evolution = Evolution(model, encoding, classes, goal, seed)
    frames = [KeptFrames(watch.frames) for _ in classes]
    curves: list[FloatArray] = []
    watch.begin(generations, "lowest confidence")
    try:
        while evolution.generation < generations and not evolution.finished:
            evolution.advance()
            curves.append(probability_of(evolution.odds))
            _keep(frames, evolution, encoding)
            watch.step(evolution.generation, float(curves[-1].min()))
    except KeyboardInterrupt:
        watch.interrupted = True
    return [
        _found(niche, evolution, encoding, [confidences[which] for confidences in curves], frames[which])
        for which, niche in enumerate(evolution.niches)
    ]


def _keep(frames: Sequence[KeptFrames], evolution: Evolution, encoding: Encoding) -> None:
    for kept, niche in zip(frames, evolution.niches, strict=True):
        if kept.due(evolution.generation - 1):
            kept.add(to_bytes(encoding.drawn([niche.champion])[0]))


def _found(niche: Niche, evolution: Evolution, encoding: Encoding, curve: Sequence[float], frames: KeptFrames) -> Found:
    image = encoding.drawn([evolution.champion_of(niche)])[0]
    steps = niche.arrived or evolution.generation
    kept = frames.chosen(to_bytes(image))
    return Found(image, np.array(curve[:steps], np.float32), steps, kept, steps * CHILDREN)
