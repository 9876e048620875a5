"""Which plan variants of images were computed by, and whether that gave what whole passes give."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from viz.core.patch_plan import PatchPlan


@dataclass(frozen=True)
class PatchCheck:
    """Variants that were computed both by windows and in whole passes.

    Attributes:
        variants: how many.
        largest_difference: of all values that were asked for; infinite where only one of two was finite.
        scale: the largest of these values, 1 or more: what the difference is to be seen beside.
    """

    variants: int
    largest_difference: float
    scale: float

    def with_those_of(self, other: "PatchCheck | None") -> "PatchCheck":
        """Two checks as one."""
        if other is None:
            return self
        worst = max(self.largest_difference, other.largest_difference)
        return PatchCheck(self.variants + other.variants, worst, max(self.scale, other.scale))


@dataclass(frozen=True)
class PatchUse:
    """A plan as it was carried out.

    Attributes:
        plan: what would be computed how.
        by_windows: whether it was; else every variant went through the whole network.
        check: None where nothing was compared.
    """

    plan: PatchPlan
    by_windows: bool
    check: PatchCheck | None = None

    def summary(self) -> dict[str, Any]:
        """Plain values for run.json; the layers one by one are in `PatchPlan.described`."""
        ways = [layer.way for layer in self.plan.layers]
        said = {
            "side": self.plan.side,
            "cap": self.plan.cap,
            "by_windows": self.by_windows,
            "reason": self.plan.reason,
            "share": round(self.plan.share, 4),
            "layers": {way: ways.count(way) for way in ("window", "full")},
        }
        if self.check is None:
            return said
        finite = self.check.largest_difference < float("inf")  # which JSON cannot say
        return said | {
            "variants": self.check.variants,
            "largest_difference": self.check.largest_difference if finite else None,
            "scale": self.check.scale,
        }


def together(uses: Iterable[PatchUse]) -> list[PatchUse]:
    """One use for each plan and way of computing, in order; their checks taken together, each one once."""
    found: dict[tuple[PatchPlan, bool], PatchUse] = {}
    for use in dict.fromkeys(uses):
        key = use.plan, use.by_windows
        before = found.get(key)
        check = use.check if before is None or before.check is None else before.check.with_those_of(use.check)
        found[key] = replace(use, check=check)
    return list(found.values())
