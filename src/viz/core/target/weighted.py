"""What a target is: a weighted sum of readings."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from viz.core.readings import Reading
from viz.core.result import FloatArray


@dataclass(frozen=True)
class Term:
    """A reading and its weight in a target."""

    reading: Reading
    weight: float = 1.0


@dataclass(frozen=True)
class Target:
    """A weighted sum of terms. Targets add, subtract and scale: `tabby - lynx`, `0.5 * target`."""

    terms: tuple[Term, ...]
    label: str
    class_index: int | None = None
    score: str = "activation"

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the tensors that `of` needs."""
        return tuple(dict.fromkeys(name for term in self.terms for name in term.reading.layers))

    def read(self, values: Mapping[str, Any]) -> Any:
        """The target's value for each image, (b,), from numpy arrays or, with their autograd graph, torch tensors."""
        return sum(term.weight * term.reading.read(values) for term in self.terms)

    def of(self, values: Mapping[str, FloatArray]) -> FloatArray:
        """The target's value for each image of a batch, (b,) float32."""
        return np.asarray(self.read(values), np.float32)

    def __add__(self, other: "Target") -> "Target":
        return Target(self.terms + other.terms, f"{self.label} + {other.label}", score=_both(self, other))

    def __sub__(self, other: "Target") -> "Target":
        minus = (-1.0 * other).terms
        return Target(self.terms + minus, f"{self.label} - {other.label}", score=_both(self, other))

    def __mul__(self, factor: float) -> "Target":
        terms = tuple(replace(term, weight=term.weight * factor) for term in self.terms)
        return Target(terms, f"{factor:g} x {self.label}", score=self.score)

    __rmul__ = __mul__


def _both(one: Target, other: Target) -> str:
    """What a sum of two targets is a sum of."""
    return one.score if other.score in one.score.split(" and ") else f"{one.score} and {other.score}"
