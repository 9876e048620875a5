"""Views: for each image of a batch, the part of its picture that is looked at, as one affine map; and its pixels."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

Size = tuple[int, int]


@dataclass(frozen=True)
class Views:
    """Where b images look. An output pixel at (v, u) from its centre shows the picture at `centres + steps @ (v, u)`.

    Attributes:
        centres: from the picture's centre to the view's, down and right, in the picture's pixels, (b, 2) float64.
        steps: the picture's pixels per output pixel, (b, 2, 2) float64; a quarter turn takes rows to columns.
    """

    centres: Tensor
    steps: Tensor

    @classmethod
    def of(cls, centres: Tensor, scales: Tensor, angles: Tensor, extents: Tensor) -> "Views":
        """Views from shifts (b, 2), magnifications (b,), counter-clockwise turns in radians (b,), and extents (b, 2).

        The extents are the picture's pixels per output pixel down and across before it is scaled and turned.
        """
        turns = torch.stack([angles.cos(), angles.sin(), -angles.sin(), angles.cos()], 1).view(-1, 2, 2)
        return cls(centres, turns * (extents / scales[:, None])[:, None, :])

    @property
    def strides(self) -> Tensor:
        """Whole pixels of the picture that lie between two neighbouring samples, at least 1, (b,) int64."""
        farthest: Tensor = self.steps.square().sum(1).sqrt().amax(1)
        return farthest.floor().clamp_min(1).long()

    def some(self, chosen: Tensor, denser: int = 1) -> "Views":
        """The views of these images, for an output of `denser` times as many pixels down and across."""
        return Views(self.centres[chosen], self.steps[chosen] / denser)


def seen(world: Tensor, views: Views, out: Size) -> Tensor:
    """What the views show of pictures (b, c, h, w), (b, c, *out): bilinear, mirrored at the edges.

    Where a view shrinks its picture to half or less, an output pixel is the mean of k x k samples, k being the
    whole part of the step between pixels: no pixel of the picture is skipped, and fine patterns turn gray
    rather than coarse. Each image's result depends on its own view only.
    """
    strides = views.strides
    if int(strides.max()) == 1:
        return _sampled(world, views, out)
    pieces, order = [], []
    for stride in sorted(set(strides.tolist())):
        chosen = (strides == stride).nonzero()[:, 0]
        dense = _sampled(world[chosen.to(world.device)], views.some(chosen, stride), (out[0] * stride, out[1] * stride))
        pieces.append(functional.avg_pool2d(dense, stride))
        order.append(chosen)
    return torch.cat(pieces)[torch.cat(order).argsort().to(world.device)]


def bordered(pictures: Tensor, border: int, value: float) -> Tensor:
    """Pictures (b, c, h, w) in a border of so many pixels of one value; themselves where it is 0."""
    return functional.pad(pictures, (border,) * 4, value=value) if border else pictures


def shifted(pictures: Tensor, shifts: list[list[int]], border: int, value: float) -> Tensor:
    """What is seen of bordered pictures (b, c, h, w) through windows of their size, values untouched.

    A shift (down, right) in whole pixels moves the window, so the picture moves up and left. What lies beyond
    the border is mirrored.
    """
    if max(abs(shift) for pair in shifts for shift in pair) <= border:  # one step of cutting and filling
        cut = [(-right, right, -down, down) for down, right in shifts]
        return torch.stack(
            [functional.pad(one, by, value=value) for one, by in zip(pictures.unbind(), cut, strict=True)]
        )
    rows, columns = pictures.shape[2:]
    worlds = bordered(pictures, border, value).unbind()
    return torch.stack(
        [
            _window(_window(world, 1, border + down, rows), 2, border + right, columns)
            for world, (down, right) in zip(worlds, shifts, strict=True)
        ]
    )


def _sampled(world: Tensor, views: Views, out: Size) -> Tensor:
    grid = _grid(views, (world.shape[2], world.shape[3]), out).to(world)
    return functional.grid_sample(world, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _grid(views: Views, size: Size, out: Size) -> Tensor:
    """Where each output pixel looks, (b, *out, 2), as grid_sample wants it: across, then down, from -1 to 1."""
    half = torch.tensor(size, dtype=torch.float64) / 2
    centres, steps = views.centres / half, views.steps / half[:, None]
    grid = torch.empty(len(centres), *out, 2)
    down, right = (torch.arange(n, dtype=torch.float64) + 0.5 - n / 2 for n in out)
    for axis in (0, 1):
        of_rows = steps[:, axis, 0, None] * down + centres[:, axis, None]
        of_columns = steps[:, axis, 1, None] * right
        torch.add(of_rows[:, :, None].float(), of_columns[:, None].float(), out=grid[..., 1 - axis])
    return grid


def _window(world: Tensor, axis: int, start: int, length: int) -> Tensor:
    """`length` rows from `start` on; those beyond one edge are mirrored. No longer than the world.

    Cut into pieces that do not overlap: their gradient is put together again, rather than added up from
    pictures of zeros.
    """
    held = world.shape[axis]
    if start < 0:
        return _window(world.flip(axis), axis, held - start - length, length).flip(axis)
    beyond = start + length - held
    if beyond <= 0:
        return world.narrow(axis, start, length)
    first, second = sorted((start, held - beyond))
    _, middle, end = world.split_with_sizes([first, second - first, held - second], axis)
    if start == first:
        return torch.cat([middle, end, end.flip(axis)], axis)
    return torch.cat([end, end.flip(axis), middle.flip(axis)], axis)
