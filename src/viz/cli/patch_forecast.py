"""What windows will save in a run that hides squares: the plan for its first image, and both ways timed."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from viz.core.batching import BatchedAdapter
from viz.core.discovery import ImageFile
from viz.core.errors import ImageError, UsageError
from viz.core.hiding import HidesPatches
from viz.core.patch_plan import PatchPlan
from viz.core.patches import Patched
from viz.core.run_options import RunOptions
from viz.core.target import ScoreKind, Target, targets_or_problems
from viz.engine.loading import Loader

_TRIED = 8  # images: one that cannot be used, or has no such box, says nothing of the plan
_TIMED = 128  # positions by windows; of whole passes, so many batches for each of the model's threads:
_BATCHES = 2


@dataclass(frozen=True)
class PatchForecast:
    """How the variants of an image will be computed.

    Attributes:
        plan: None where none of the first images has the target that it would be made for.
        variants: of one image.
        seconds: what all of one image take by windows; None where windows are not used.
        seconds_in_whole_passes: the same without windows, timed alike.
    """

    plan: PatchPlan | None
    variants: int
    seconds: float | None = None
    seconds_in_whole_passes: float | None = None

    @property
    def speedup(self) -> float:
        """By multiply-accumulates, against whole passes for the same variants."""
        return self.plan.speedup(self.variants) if self.plan else 1.0

    def described(self) -> dict[str, Any]:
        """Plain values, for programs."""
        plan = self.plan.described() if self.plan else None
        return {"variants": self.variants, "speedup": round(self.speedup, 3), "plan": plan}


def patch_forecast(
    technique: Any, model: BatchedAdapter, files: Sequence[ImageFile], options: RunOptions
) -> PatchForecast | None:
    """None for a technique that hides no squares."""
    if not isinstance(technique, HidesPatches):
        return None
    target, variants = _first_target(model, files, options), technique.variants(model.size)
    if target is None:
        return PatchForecast(None, variants)
    plan = technique.patch_plan(model, [target])
    if plan.reason:
        return PatchForecast(plan, variants)
    windows, whole = _seconds_of(model, plan, target, variants)
    return PatchForecast(plan, variants, windows, whole)


def _first_target(model: BatchedAdapter, files: Sequence[ImageFile], options: RunOptions) -> Target | None:
    loader = Loader(model.preprocess, options.background_colour, options.max_pixels)
    for file in files[:_TRIED]:
        loaded = loader.load(file, None, drawn=False)
        if loaded.pixels is None:
            continue
        try:
            score, truths = cast(ScoreKind, options.score), [file.truth]
            (found,) = targets_or_problems(options.target, model, loaded.pixels[None], score, truths)
        except UsageError:  # its true class is not known: a failure of that image only
            if options.target != "label":
                raise
            continue
        if not isinstance(found, ImageError):
            return found
    return None


def _seconds_of(model: BatchedAdapter, plan: PatchPlan, target: Target, variants: int) -> tuple[float | None, float]:
    """All variants of one image, by windows (None where these turn out not to hold) and in whole passes."""
    by_windows = _squares(model, plan, min(variants, _TIMED))
    few = min(variants, _BATCHES * model.parallel * model.batch_size)
    whole = variants / few * _seconds(model, replace(_squares(model, plan, few), by_windows=False), target)
    windows = variants / len(by_windows) * _seconds(model, by_windows, target)
    return (windows if model.patch_uses[-1].by_windows else None), whole


def _squares(model: BatchedAdapter, plan: PatchPlan, count: int) -> Patched:
    """So many variants of a random image, with squares anywhere."""
    rng = np.random.default_rng(0)
    image = rng.random((1, 3, *model.size), np.float32)
    tops, lefts = (rng.integers(0, length - plan.side + 1, count) for length in model.size)
    places = np.stack([np.zeros(count, np.intp), tops, lefts], axis=1).astype(np.intp)
    return Patched(image, np.full_like(image, 0.5), plan.side, places, cap=plan.cap)


def _seconds(model: BatchedAdapter, patched: Patched, target: Target) -> float:
    """The second time: the first one also opens sessions, and compares some windows with whole passes."""
    model.run_patched(patched, target.layers)
    started = time.perf_counter()
    model.run_patched(patched, target.layers)
    return time.perf_counter() - started
