"""What windows will save in a run that hides squares: the plan for its first image, and its passes by that plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from viz.core.adapter import Adapter
from viz.core.discovery import ImageFile
from viz.core.errors import ImageError, UsageError
from viz.core.hiding import HidesPatches
from viz.core.patch_plan import PatchPlan
from viz.core.run_options import RunOptions
from viz.core.target import ScoreKind, Target, targets_or_problems
from viz.engine.loading import Loader

_TRIED = 8  # images: one that cannot be used, or has no such box, says nothing of the plan


@dataclass(frozen=True)
class PatchForecast:
    """How the variants of an image will be computed, and how many there are.

    There is no plan where none of the first images has the target that it would be made for.
    """

    plan: PatchPlan | None
    variants: int

    @property
    def speedup(self) -> float:
        """At most: by multiply-accumulates, against whole passes for the same variants."""
        return self.plan.speedup(self.variants) if self.plan else 1.0

    def passes(self, whole: int) -> float:
        """`whole` passes for an image, of which the variants are computed by the plan, in units of whole passes."""
        return whole - self.variants + self.variants / self.speedup

    def described(self) -> dict[str, Any]:
        """Plain values, for programs."""
        return {
            "variants": self.variants,
            "speedup": round(self.speedup, 3),
            "plan": self.plan and self.plan.described(),
        }


def patch_forecast(
    technique: Any, model: Adapter, files: Sequence[ImageFile], options: RunOptions
) -> PatchForecast | None:
    """None for a technique that hides no squares."""
    if not isinstance(technique, HidesPatches):
        return None
    target = _first_target(model, files, options)
    plan = technique.patch_plan(model, [target]) if target else None
    return PatchForecast(plan, technique.variants(model.size))


def _first_target(model: Adapter, files: Sequence[ImageFile], options: RunOptions) -> Target | None:
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
