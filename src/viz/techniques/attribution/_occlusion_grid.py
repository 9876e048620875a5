"""Where the patch goes: positions from edge to edge, and maps of pixels from values of positions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viz.core.result import FloatArray

Positions = NDArray[np.intp]


@dataclass(frozen=True)
class Grid:
    """Where the patch goes: its side, and the tops and lefts of its positions."""

    size: tuple[int, int]
    patch: int
    tops: Positions
    lefts: Positions

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of positions."""
        return len(self.tops), len(self.lefts)

    @property
    def grain(self) -> float:
        """The largest step between neighbouring positions, in pixels."""
        return float(max(np.diff(starts, append=starts[-1]).max() for starts in (self.tops, self.lefts)))

    @property
    def reach(self) -> int:
        """How many positions on, at most, a patch still touches where it was."""
        return int(self.patch // self.grain) if self.grain else 1

    def __len__(self) -> int:
        return len(self.tops) * len(self.lefts)

    def places(self, count: int) -> Positions:
        """(count * positions, 3): image, top and left of every patch, image by image, row by row."""
        image, top, left = np.meshgrid(np.arange(count), self.tops, self.lefts, indexing="ij")
        return np.stack([image.ravel(), top.ravel(), left.ravel()], axis=1)

    def places_of(self, image: int, chosen: Positions) -> Positions:
        """(n, 3): image, top and left of the positions with these numbers (n,), counted row by row."""
        rows, columns = np.unravel_index(chosen, self.shape)
        return np.stack([np.full(len(chosen), image), self.tops[rows], self.lefts[columns]], axis=1)

    def spread(self, values: FloatArray) -> FloatArray:
        """Per-position values (n,) as a map (h, w): at each pixel, the mean over the patches covering it."""
        rows, columns = self._cover(self.tops, self.size[0]), self._cover(self.lefts, self.size[1])
        table = values.reshape(self.shape).astype(np.float64)
        return (rows @ table @ columns.T).astype(np.float32)

    def nearest(self, values: NDArray[np.intp]) -> NDArray[np.intp]:
        """Per-position values (n,) as a map (h, w): at each pixel, that of the patch centred nearest."""
        table = values.reshape(self.shape)
        rows, columns = self._closest(self.tops, self.size[0]), self._closest(self.lefts, self.size[1])
        return table[np.ix_(rows, columns)]

    def hidden(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which pixels (h, w) a patch at one of the chosen positions, `shape`, covers."""
        rows, columns = self._cover(self.tops, self.size[0]), self._cover(self.lefts, self.size[1])
        covered: NDArray[np.bool_] = rows @ chosen.astype(np.float64) @ columns.T > 0
        return covered

    def _cover(self, starts: Positions, length: int) -> NDArray[np.float64]:
        """(length, positions): 1 / count where a position covers a pixel. The mean is separable in y and x."""
        pixels = np.arange(length)[:, None]
        covered = (pixels >= starts) & (pixels < starts + self.patch)
        weights: NDArray[np.float64] = covered / covered.sum(axis=1, keepdims=True)
        return weights

    def _closest(self, starts: Positions, length: int) -> NDArray[np.intp]:
        centres = starts + (self.patch - 1) / 2
        closest: NDArray[np.intp] = np.abs(np.arange(length)[:, None] - centres).argmin(axis=1)
        return closest


def grid_of(size: tuple[int, int], patch: int, stride: int) -> Grid:
    """All positions of a patch on an image of this height and width, at most `stride` apart."""
    return Grid(size, patch, positions(size[0], patch, stride), positions(size[1], patch, stride))


def positions(length: int, patch: int, stride: int) -> Positions:
    """Starts of whole patches from 0 to length - patch, at most `stride` apart, mirror-symmetric."""
    last = length - patch
    steps = -(-last // stride)
    if last % 2 and steps % 2 == 0:
        steps += bool(steps)  # an odd stretch has no middle pixel for the middle patch: take one patch more
    if steps == 0:
        return np.array([0], np.intp)
    # Rounding one half and mirroring it keeps every step at most ceil(last / steps), which is at most `stride`.
    left = np.rint(np.arange(steps // 2 + 1) * last / steps).astype(np.intp)
    return np.concatenate([left, last - left[: (steps + 1) // 2][::-1]])
