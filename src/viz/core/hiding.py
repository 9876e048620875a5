"""What a technique that hides one square after the other can say before it runs: for estimates."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from viz.core.adapter import Adapter
from viz.core.patch_plan import PatchPlan
from viz.core.target import Target


@runtime_checkable
class HidesPatches(Protocol):
    """A technique that asks its model for variants of an image that differ by one square (`Adapter.run_patched`)."""

    def patch_plan(self, model: Adapter, targets: Sequence[Target]) -> PatchPlan:
        """How these variants will be computed for such targets."""
        ...

    def variants(self, size: tuple[int, int]) -> int:
        """How many of the `passes` for an image of a model with input `size` are such variants."""
        ...
