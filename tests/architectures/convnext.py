"""ConvNeXt (Liu et al. 2022): 7 x 7 depthwise, layer normalization with channels last, GELU, layer scale."""

import torch
from torch import Tensor, nn

from tests.architectures.parts import CLASSES


class ChannelNorm(nn.LayerNorm):
    """Layer normalization over the channels of (b, c, h, w)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """Depthwise 7 x 7, then a perceptron at every position, scaled by a learned factor per channel."""

    def __init__(self, channels: int):
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.perceptron = nn.Sequential(nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels))
        self.scale = nn.Parameter(torch.full((channels,), 0.2))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.scale * self.perceptron(y)
        return x + y.permute(0, 3, 1, 2)


def convnext() -> nn.Module:
    """For 64 x 64: a patch stem, three stages."""
    return nn.Sequential(
        nn.Conv2d(3, 12, 4, 4),
        ChannelNorm(12),
        Block(12),
        Block(12),
        ChannelNorm(12),
        nn.Conv2d(12, 24, 2, 2),
        Block(24),
        ChannelNorm(24),
        nn.Conv2d(24, 32, 2, 2),
        Block(32),
        nn.AdaptiveAvgPool2d(1),
        ChannelNorm(32),
        nn.Flatten(),
        nn.Linear(32, CLASSES),
    )
