"""How far approximated drops are off: some positions of each image computed exactly as well."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import NotSupported
from viz.core.result import FloatArray
from viz.techniques.attribution._hidden_scores import HiddenScores
from viz.techniques.attribution._occlusion_grid import Grid
from viz.techniques.attribution._occlusion_maps import Drops

CHECKED = 16  # positions of each image
_LARGE = 0.1  # of the largest drop


def refuse_where_nothing_is_cut(model: Adapter, patch: int, layers: Sequence[str], cap: float) -> None:
    """Raise `NotSupported` where no windows are computed, so that none can be made smaller."""
    if reason := model.patch_plan(patch, layers, cap).reason:
        raise NotSupported(
            f"--approximate {cap:g} has nothing to cut, as every position goes through the whole network: {reason}",
            "leave --approximate out: the map is exact then, and takes no longer; --adaptive computes fewer positions",
        )


def with_errors(found: Sequence[Drops], hidden: HiddenScores, grid: Grid, seed: int) -> list[Drops]:
    """The same drops, with how far they are from exact ones, in units of the score, at some positions of each image.

    Positions are drawn by `seed` among those measured, the same way for each image; whole passes are what they are
    held against. The map keeps its approximate values there: exact ones would stand out of their surroundings.
    """
    chosen = [np.random.default_rng(seed).permutation(one.measured)[:CHECKED] for one in found]
    places = np.concatenate([grid.places_of(i, numbers) for i, numbers in enumerate(chosen)])
    exact = np.split(hidden.exactly(places), np.cumsum([len(numbers) for numbers in chosen])[:-1])
    return [
        _with_error(one, np.abs(one.drops.reshape(-1)[numbers] - (one.score - of_these)))
        for one, numbers, of_these in zip(found, chosen, exact, strict=True)
    ]


def _with_error(found: Drops, errors: FloatArray) -> Drops:
    worst, largest = float(errors.max()), float(found.drops.max())
    numbers = {"approximation_error_max": worst, "approximation_error_mean": float(errors.mean())}
    warnings = found.warnings
    if worst > _LARGE * largest:
        warnings += (
            "the approximation is off by more than a tenth of the largest drop (approximation_error_max): "
            "give --approximate a larger share, or leave it out",
        )
    return replace(found, numbers={**found.numbers, **numbers}, warnings=warnings)
