"""The same images again and again, each time with another square replaced: what occlusion asks of a model."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viz.core.result import FloatArray


@dataclass(frozen=True)
class Patched:
    """Images of which one square each is replaced.

    Attributes:
        images: the whole images, (b, 3, h, w) RGB float32 in [0, 1].
        fills: what shows in the square, images of the same shape.
        side: the square's side in pixels.
        places: (n, 3) whole numbers, one row per variant: which image, top and left of the square.
    """

    images: FloatArray
    fills: FloatArray
    side: int
    places: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.places)

    def part(self, start: int, stop: int) -> "Patched":
        """Variants start to stop."""
        return Patched(self.images, self.fills, self.side, self.places[start:stop])

    def drawn(self) -> FloatArray:
        """All variants as pixels, (n, 3, h, w)."""
        variants = self.images[self.places[:, 0]]
        for variant, (image, top, left) in zip(variants, self.places.tolist(), strict=True):
            square = (slice(None), slice(top, top + self.side), slice(left, left + self.side))
            variant[square] = self.fills[image][square]
        return variants
