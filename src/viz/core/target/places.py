"""Places on the model's input, in pixels: a point, a box; and how much of each cell of a coarser grid they cover."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viz.core.errors import UsageError
from viz.core.result import FloatArray

Corners = NDArray[np.float64]  # (n, 4): left, top, right, bottom


@dataclass(frozen=True)
class Rectangle:
    """Left, top, right, bottom: edges, in pixels of the model's input."""

    left: float
    top: float
    right: float
    bottom: float

    def __str__(self) -> str:
        return ",".join(f"{side:g}" for side in (self.left, self.top, self.right, self.bottom))

    def check(self, size: tuple[int, int]) -> None:
        """Raise `UsageError` unless it lies within an input of (height, width)."""
        if 0 <= self.left < self.right <= size[1] and 0 <= self.top < self.bottom <= size[0]:
            return
        raise UsageError(
            f"the box {self} does not lie in the model's input, {size[1]} wide and {size[0]} high",
            "give left,top,right,bottom in pixels of the model's input, not of the photo",
        )

    def cover(self, size: tuple[int, int], grid: tuple[int, int]) -> FloatArray:
        """How much of each cell of a grid over the input the rectangle covers, summing to 1."""
        rows = _covered(self.top, self.bottom, size[0], grid[0])
        columns = _covered(self.left, self.right, size[1], grid[1])
        cover = np.outer(rows, columns)
        weights: FloatArray = (cover / cover.sum()).astype(np.float32)
        return weights

    def overlap(self, boxes: Corners) -> NDArray[np.float64]:
        """Area in common with each of `boxes` over the area of both together, (n,) in [0, 1]."""
        left, top = np.maximum(boxes[:, 0], self.left), np.maximum(boxes[:, 1], self.top)
        right, bottom = np.minimum(boxes[:, 2], self.right), np.minimum(boxes[:, 3], self.bottom)
        common = (right - left).clip(0) * (bottom - top).clip(0)
        own = (self.right - self.left) * (self.bottom - self.top)
        theirs = (boxes[:, 2] - boxes[:, 0]).clip(0) * (boxes[:, 3] - boxes[:, 1]).clip(0)
        shares: NDArray[np.float64] = common / (own + theirs - common)
        return shares


def point_cover(at: tuple[int, int], size: tuple[int, int], grid: tuple[int, int]) -> FloatArray:
    """A grid over the input with 1 in the cell that holds pixel (row, column) `at`, 0 elsewhere."""
    if at[0] >= size[0] or at[1] >= size[1]:
        raise UsageError(
            f"pixel {at[0]},{at[1]} (row, column) is not in the model's input, {size[0]} rows by {size[1]} columns",
            f"give @Y,X with rows 0 to {size[0] - 1} and columns 0 to {size[1] - 1}",
        )
    weights = np.zeros(grid, np.float32)
    weights[at[0] * grid[0] // size[0], at[1] * grid[1] // size[1]] = 1
    return weights


def _covered(start: float, stop: float, length: int, cells: int) -> NDArray[np.float64]:
    """The part of start..stop (of `length` pixels) that lies in each of the cells, in cells."""
    edges = np.arange(cells + 1)
    low, high = start * cells / length, stop * cells / length
    covered: NDArray[np.float64] = (np.minimum(edges[1:], high) - np.maximum(edges[:-1], low)).clip(0)
    return covered
