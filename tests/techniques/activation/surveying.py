"""Surveys of patches by hand: images as a survey gets them, exact models, and states held against each other."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.fakes import LinearModel
from viz.core.adapter import Adapter, ReceptiveField
from viz.core.result import FloatArray
from viz.core.surveying import Found, Seen, State
from viz.techniques.activation.patches import Patches


class LocalModel(LinearModel):
    """A linear model whose `products` are known to see one pixel each."""

    def receptive_field(self, name: str) -> ReceptiveField | None:
        return ReceptiveField((1, 1), (1, 1), (0, 0)) if name == "products" else None


def seen(
    pixels: Sequence[FloatArray], truths: Sequence[int | None] | None = None, fingerprints: Sequence[int] | None = None
) -> list[Seen]:
    """Images in order; by default without classes, and as different as can be."""
    count = len(pixels)
    truths = truths or [None] * count
    fingerprints = fingerprints or apart(count)
    return [Seen(i, f"{i}.png", pixels[i].astype(np.float32), truths[i], fingerprints[i]) for i in range(count)]


def apart(count: int) -> list[int]:
    """Fingerprints of photos that have nothing to do with each other."""
    return [int(n) for n in np.random.default_rng(7).integers(0, 1 << 63, count, np.uint64)]


def surveyed(
    technique: Patches, model: Adapter, images: Sequence[Seen], classes: Sequence[str] = (), at_once: int = 5
) -> list[Found]:
    """What a survey finds that adds a few images at a time."""
    plan = technique.plan(model, classes)
    state = technique.begin(plan)
    for start in range(0, len(images), at_once):
        state = technique.add(model, plan, state, images[start : start + at_once])
    return list(technique.findings(plan, state))


def in_bytes(state: State) -> dict[str, tuple[Any, ...]]:
    """All of a state, to the last bit."""
    return {name: (array.dtype, array.shape, array.tobytes()) for name, array in state.items()}
