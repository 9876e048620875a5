"""A picture of any size as tiles of one size, so that its gradient needs no more memory than a few of them."""

from dataclasses import dataclass
from math import ceil

import torch
from torch import Generator, Tensor

OVERLAP = 8  # one part in so many of a tile's side is shared with its neighbour, where the two fade into each other


@dataclass(frozen=True)
class Tiles:
    """Cuts a picture (1, 3, H, W) into overlapping tiles, (n, 3, *tile); beyond its edges it is mirrored.

    In every call the whole grid lies elsewhere, so that no place is always at a tile's edge. Values are the
    picture's own; on the way back the gradients of neighbouring tiles fade into each other where they overlap,
    with weights that add up to 1: no pixel counts more than another.
    """

    size: tuple[int, int]
    tile: tuple[int, int]
    jitter: int | None = None

    @property
    def steps(self) -> tuple[int, int]:
        """Pixels from one tile to the next, down and across."""
        down, across = (max(1, side - side // OVERLAP) for side in self.tile)
        return down, across

    @property
    def counts(self) -> tuple[int, int]:
        """Tiles down and across: enough wherever the grid begins; one where the picture is no larger than a tile."""
        rows, columns = (
            1 if length <= side and self.jitter == 0 else ceil(length / step) + 1
            for length, side, step in zip(self.size, self.tile, self.steps, strict=True)
        )
        return rows, columns

    @property
    def count(self) -> int:
        """How many tiles there are."""
        return self.counts[0] * self.counts[1]

    def __call__(self, pictures: Tensor, generator: Generator) -> Tensor:
        """The tiles, row by row, with autograd."""
        rows, columns = (self._places(axis, generator) for axis in (0, 1))
        cut = pictures[0][:, rows.flatten()][:, :, columns.flatten()]
        (m, th), (n, tw) = rows.shape, columns.shape
        tiles = cut.view(3, m, th, n, tw).permute(1, 3, 0, 2, 4).reshape(m * n, 3, th, tw)
        weight = (_window(th)[:, None] * _window(tw)).to(tiles)
        return _weighted(tiles, weight if self.count > 1 else torch.ones_like(weight))

    def _places(self, axis: int, generator: Generator) -> Tensor:
        """The picture's rows (or columns) that each tile holds, (tiles, side)."""
        length, side, step, count = self.size[axis], self.tile[axis], self.steps[axis], self.counts[axis]
        if count == 1:
            first = -(side - length) // 2
        else:
            most = step if self.jitter is None else min(self.jitter + 1, step)
            first = -int(torch.randint(0, most, (), generator=generator)) - (side - step)
        wanted = first + step * torch.arange(count)[:, None] + torch.arange(side)
        return _mirrored(wanted, length)


def _mirrored(places: Tensor, length: int) -> Tensor:
    """Indices beyond a line of `length` brought back into it, as in a mirror at each end."""
    around = places.remainder(2 * length)
    return torch.where(around < length, around, 2 * length - 1 - around)


def _window(side: int) -> Tensor:
    """A ramp up over the overlap with the tile before, 1, and a ramp down: neighbours' weights add up to 1."""
    shared = side // OVERLAP
    ramp = (torch.arange(shared) + 0.5) / max(shared, 1)
    return torch.cat([ramp, torch.ones(side - 2 * shared), ramp.flip(0)])


def _weighted(values: Tensor, weight: Tensor) -> Tensor:
    """The values themselves, whose gradient is multiplied by `weight`."""
    return values.detach() + (values - values.detach()) * weight
