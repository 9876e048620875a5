"""Swin transformer (Liu et al. 2021): attention in windows that shift by half in every other block."""

import torch
from torch import Tensor, nn

from tests.architectures.parts import CLASSES, WindowAttention, from_windows, to_windows


class Block(nn.Module):
    """Attention in windows, after a cyclic shift where `shift` is not 0, and a perceptron. (b, h, w, c)."""

    def __init__(self, channels: int, heads: int, side: int, resolution: int, shift: int):
        super().__init__()
        self.side, self.shift = side, shift
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = WindowAttention(channels, heads, side)
        self.perceptron = nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels))
        self.register_buffer("mask", shifted_mask(resolution, side, shift) if shift else None, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        _, h, w, _ = x.shape
        y = self.norm1(x)
        if self.shift:
            y = torch.roll(y, (-self.shift, -self.shift), (1, 2))
        y = from_windows(self.attention(to_windows(y, self.side), self.mask), self.side, h, w)
        if self.shift:
            y = torch.roll(y, (self.shift, self.shift), (1, 2))
        x = x + y
        return x + self.perceptron(self.norm2(x))


def shifted_mask(resolution: int, side: int, shift: int) -> Tensor:
    """-100 between tokens that the cyclic shift has brought into one window from opposite borders."""
    region = torch.zeros(1, resolution, resolution, 1)
    parts = (slice(0, -side), slice(-side, -shift), slice(-shift, None))
    for number, (rows, columns) in enumerate((r, c) for r in parts for c in parts):
        region[:, rows, columns] = number
    windows = to_windows(region, side).squeeze(-1)
    return torch.where(windows[:, None] == windows[:, :, None], 0.0, -100.0)


class Merging(nn.Module):
    """Four neighbours become one token of twice the width."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm, self.reduce = nn.LayerNorm(4 * channels), nn.Linear(4 * channels, 2 * channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        corners = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
        return self.reduce(self.norm(torch.cat(corners, -1)))


class Swin(nn.Module):
    """For 32 x 32: patches of 2, windows of 4, two stages."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 2, 2)
        self.norm = nn.LayerNorm(16)
        self.stages = nn.Sequential(
            Block(16, 2, 4, 16, 0), Block(16, 2, 4, 16, 2), Merging(16), Block(32, 4, 4, 8, 0), Block(32, 4, 4, 8, 2)
        )
        self.last_norm, self.head = nn.LayerNorm(32), nn.Linear(32, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stages(self.norm(self.patches(x).permute(0, 2, 3, 1)))
        return self.head(self.last_norm(x).mean((1, 2)))
