"""A picture of any size as tiles of one size, so that a model of that size can look at all of it, a few at a time."""

from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Any

import torch
from torch import Generator, Tensor

OVERLAP = 8  # one part in so many of a tile's side is shared with its neighbour, where the two fade into each other


@dataclass(frozen=True)
class Tiles:
    """Cuts a picture (1, 3, H, W) into overlapping tiles, (n, 3, *tile); beyond its edges it is mirrored.

    In every call the grid lies elsewhere, so that no place is always at a tile's edge. Values are the picture's
    own; on the way back the gradients of neighbouring tiles fade into each other where they overlap, and a pixel
    that is seen again in the mirror gets the mean: no pixel counts more than another. Along a side that fits into
    a tile there is one, which moves both ways; what is out of its sight gets no gradient in that call.

    Attributes:
        size, tile: heights and widths, in pixels.
        jitter: most pixels by which the grid moves from one call to another; by default as far as one tile, and
            for a single tile a quarter of it.
    """

    size: tuple[int, int]
    tile: tuple[int, int]
    jitter: int | None = None

    @property
    def counts(self) -> tuple[int, int]:
        """Tiles down and across."""
        down, across = self._axes
        return down.count, across.count

    @property
    def count(self) -> int:
        """How many tiles there are, wherever the grid begins."""
        return self.counts[0] * self.counts[1]

    def __call__(self, pictures: Tensor, generator: Generator) -> Tensor:
        """The tiles, row by row, with autograd."""
        down, across = self._axes
        firsts = [axis.first(generator) for axis in (down, across)]
        tiles: Tensor = _Cut.apply(pictures, down, across, *firsts)  # type: ignore[no-untyped-call]  # torch's
        return tiles

    @cached_property
    def _axes(self) -> "tuple[_Axis, _Axis]":
        down, across = (_Axis(length, side, self.jitter) for length, side in zip(self.size, self.tile, strict=True))
        return down, across


@dataclass(frozen=True)
class _Axis:
    """How tiles of `side` lie along a picture's `length`."""

    length: int
    side: int
    jitter: int | None

    @property
    def is_one(self) -> bool:
        return self.length <= self.side

    @property
    def step(self) -> int:
        """From one tile to the next."""
        return self.side - self.side // OVERLAP

    @property
    def most(self) -> int:
        """How far the grid moves."""
        if self.is_one:
            return min(self.length, self.side // 4 if self.jitter is None else self.jitter)
        return self.step - 1 if self.jitter is None else min(self.jitter, self.step - 1)

    @property
    def count(self) -> int:
        """Enough to reach from before the picture's first pixel to its last one, however far the grid has moved."""
        return 1 if self.is_one else ceil((self.length + self.most - (self.side - self.step)) / self.step)

    @property
    def weights(self) -> Tensor:
        """A ramp up over the overlap with the tile before, 1, and a ramp down; a tile by itself has no ramps."""
        if self.is_one:
            return torch.ones(self.side)
        shared = self.side - self.step
        ramp = (torch.arange(shared) + 0.5) / max(shared, 1)
        return torch.cat([ramp, torch.ones(self.side - 2 * shared), ramp.flip(0)])

    def first(self, generator: Generator) -> int:
        """The place on the picture, or before it, where the first tile begins."""
        if self.is_one:
            half = self.most // 2
            return (self.length - self.side) // 2 + int(torch.randint(-half, half + 1, (), generator=generator))
        return -int(torch.randint(0, self.most + 1, (), generator=generator))

    def places(self, first: int) -> Tensor:
        """The picture's rows (or columns) that the tiles reach over, mirrored at both ends."""
        around = (first + torch.arange((self.count - 1) * self.step + self.side)).remainder(2 * self.length)
        return torch.where(around < self.length, around, 2 * self.length - 1 - around)

    def shares(self, places: Tensor) -> Tensor:
        """One over how much each of the picture's rows (or columns) counts at `places` in all; 0 for those not seen."""
        shown = torch.zeros(len(places))
        for part in self.parts():
            shown[part] += self.weights
        counted = torch.zeros(self.length).index_add_(0, places, shown)
        return torch.where(counted > 0, 1 / counted, 0.0)

    def parts(self) -> list[slice]:
        """Which of these places each tile holds."""
        return [slice(start * self.step, start * self.step + self.side) for start in range(self.count)]


class _Cut(torch.autograd.Function):
    """Tiles (n, 3, h, w) from a picture (1, 3, H, W); on the way back they are laid over each other with weights."""

    @staticmethod
    def forward(ctx: Any, picture: Tensor, down: _Axis, across: _Axis, top: int, left: int) -> Tensor:
        """Cut."""
        ctx.axes, ctx.places = (down, across), (down.places(top), across.places(left))
        wide = picture[0].index_select(1, ctx.places[0]).index_select(2, ctx.places[1])
        return torch.stack([wide[:, rows, columns] for rows in down.parts() for columns in across.parts()])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Lay them back, and what lies beyond the edges back inside."""
        (down, across), (rows, columns) = ctx.axes, ctx.places
        (gradient,) = gradients
        weight = (down.weights[:, None] * across.weights).to(gradient)
        wide = gradient.new_zeros(3, len(rows), len(columns))
        spots = [(r, c) for r in down.parts() for c in across.parts()]
        for (r, c), tile in zip(spots, gradient, strict=True):
            wide[:, r, c] += weight * tile
        inner = gradient.new_zeros(3, down.length, len(columns)).index_add_(1, rows, wide)
        found = gradient.new_zeros(3, down.length, across.length).index_add_(2, columns, inner)
        found *= down.shares(rows)[:, None].to(found)
        found *= across.shares(columns).to(found)
        return found[None], None, None, None, None
