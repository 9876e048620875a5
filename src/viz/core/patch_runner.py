"""Variants of images that differ by one square, computed from what the square can reach."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.core.patch_plan import PatchPlan
from viz.core.result import FloatArray

Places = NDArray[np.intp]


class PatchRunner(ABC):
    """Runs a network on variants of images, one clean pass per image and then windows only.

    Attributes:
        plan: what is computed how.
        tolerance: how far values may be from those of whole passes, relative to the largest, which counts as 1 or
            more; farther is no rounding.

    Calls of `begin` and `run` may go on at the same time, from different threads.
    """

    plan: PatchPlan
    tolerance: float = 1e-4

    def holds(self) -> bool:
        """Whether the model is still the one that this was made for; asked before each use of what was made earlier."""
        return True

    def prepare(self) -> None:  # noqa: B027  # many have nothing to prepare
        """Make what all calls need. Called once, before the others, where the model itself was made.

        What a thread allocates and gives back is not there for others: several of them would take more in all.
        """

    @abstractmethod
    def batches(self, places: Places, at_once: int) -> Sequence[NDArray[np.intp]]:
        """Which rows of `places` (n, 3) go through together; every row once, the same for the same places.

        A batch takes about the memory of `at_once` whole images.
        """

    @abstractmethod
    def begin(self, images: FloatArray, fills: FloatArray) -> Any:
        """The clean pass of images (b, 3, h, w) and what fills the squares: what `run` needs of them."""

    @abstractmethod
    def run(self, begun: Any, places: Places) -> dict[str, FloatArray]:
        """Values of the layers for variants (n, 3) of the images that were begun; as `Adapter.run` gives them."""
