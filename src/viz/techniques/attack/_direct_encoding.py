"""Direct encoding: every value of every pixel is a gene of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from viz.core.result import FloatArray

Genes = NDArray[np.float32]


@dataclass(frozen=True)
class DirectEncoding:
    """Genomes are arrays (3, h, w) of numbers in [0, 255], at first uniform noise.

    Each gene of a child is changed with a probability of `rate`, halved every `halving` generations, by polynomial
    mutation (Deb & Agrawal 1999) of index `strength`. Source: Nguyen et al. 2015, arXiv 1412.1897, section 2.2;
    there the genes are hue, saturation and value, here red, green and blue, so that they are what is saved.
    """

    size: tuple[int, int]
    rate: float = 0.1
    halving: int = 1000
    strength: float = 15.0
    restarts: bool = False

    def first(self, count: int, chance: Generator) -> list[Genes]:
        """Genomes to begin with."""
        return [chance.random((3, *self.size), np.float32) * np.float32(255) for _ in range(count)]

    def mutated(self, parents: Sequence[Genes], generation: int, chance: Generator) -> list[Genes]:
        """One child of each parent."""
        return [self._child(parent, self.rate_at(generation), chance) for parent in parents]

    def refined(self, parents: Sequence[Genes], generation: int, chance: Generator) -> list[Genes]:
        """The same: a changed pixel is no great change."""
        return self.mutated(parents, generation, chance)

    def drawn(self, genomes: Sequence[Genes]) -> FloatArray:
        """The pictures (b, 3, h, w) in [0, 1]."""
        return np.stack(genomes) / np.float32(255)

    def rate_at(self, generation: int) -> float:
        """The probability that a gene is changed."""
        return float(self.rate * 0.5 ** (generation // self.halving))

    def _child(self, parent: Genes, rate: float, chance: Generator) -> Genes:
        child = parent.copy()
        changed = np.flatnonzero(chance.random(child.size, np.float32) < rate)
        genes = child.reshape(-1)
        step = polynomial_steps(len(changed), self.strength, chance) * np.float32(255)
        genes[changed] = np.clip(genes[changed] + step, 0, 255)
        return child


def polynomial_steps(count: int, strength: float, chance: Generator) -> Genes:
    """`count` random steps in (-1, 1), symmetric, mostly small: the mean size is 1 / (strength + 2)."""
    where = chance.random(count, np.float32)
    size = 1 - np.minimum(2 * where, 2 - 2 * where) ** np.float32(1 / (strength + 1))
    return np.where(where < 0.5, -size, size).astype(np.float32)
