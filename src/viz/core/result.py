"""What a technique found for one image: raw arrays, figures and warnings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Number = float | int | str

# Arrays of a result that get a picture of their own, and what goes into its file's name.
FURTHER = {"predicted_class": "classes", "gradient": "gradient", "computed": "computed"}


@dataclass(frozen=True)
class Result:
    """One image's outcome. Arrays are in model coordinates, (h, w) of the model's input unless stated."""

    arrays: Mapping[str, NDArray[Any]]
    numbers: Mapping[str, Number] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class HeatMap(Result):
    """`arrays['heat']` is (h, w): what each pixel contributed, in units of the target's score.

    `grain` is the distance in pixels between neighbouring measurements; pictures are smoothed by half of
    it, so that the eye sees the object and not the grid. The raw values are never smoothed. `caption` is
    written on the picture: what one must know to read it rightly.
    """

    grain: float = 0.0
    caption: str = ""

    @property
    def heat(self) -> FloatArray:
        """The map itself, (h, w) float32."""
        heat: FloatArray = self.arrays["heat"]
        return heat
