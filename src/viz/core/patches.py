"""The same images again and again, each time with another square replaced: what occlusion asks of a model."""

from dataclasses import dataclass, replace

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
        by_windows: whether what a square cannot reach may be taken from the whole image, where that is faster.
        cap: share (0 to 1] of a feature map's height and width that a square is taken to reach at most; None: all
            that it does reach. Only where windows are computed; what is farther off is taken from the whole image,
            which is an approximation (Nakandala et al. 2019, section 4.2: the projective field threshold).
    """

    images: FloatArray
    fills: FloatArray
    side: int
    places: NDArray[np.intp]
    by_windows: bool = True
    cap: float | None = None

    def __len__(self) -> int:
        return len(self.places)

    def part(self, start: int, stop: int) -> "Patched":
        """Variants start to stop."""
        return self.at(self.places[start:stop])

    def at(self, places: NDArray[np.intp]) -> "Patched":
        """The same images and squares at other places (n, 3)."""
        return replace(self, places=places)

    def drawn(self) -> FloatArray:
        """All variants as pixels, (n, 3, h, w)."""
        variants = self.images[self.places[:, 0]]
        for variant, (image, top, left) in zip(variants, self.places.tolist(), strict=True):
            square = (slice(None), slice(top, top + self.side), slice(left, left + self.side))
            variant[square] = self.fills[image][square]
        return variants
