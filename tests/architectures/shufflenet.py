"""ShuffleNetV2 (Ma et al. 2018): half of the channels pass untouched, then the halves are shuffled."""

import torch
from torch import Tensor, nn

from tests.architectures.parts import ConvNorm, GlobalHead


class Unit(nn.Module):
    """Figure 3c at stride 1, figure 3d (both halves convolved) at stride 2."""

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.stride, half = stride, after // 2
        if stride == 2:
            self.left = nn.Sequential(
                ConvNorm(before, before, 3, 2, groups=before, activation=None), ConvNorm(before, half, 1)
            )
        self.right = nn.Sequential(
            ConvNorm(before if stride == 2 else half, half, 1),
            ConvNorm(half, half, 3, stride, groups=half, activation=None),
            ConvNorm(half, half, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.stride == 2:
            return shuffled(torch.cat([self.left(x), self.right(x)], 1))
        left, right = x.chunk(2, dim=1)
        return shuffled(torch.cat([left, self.right(right)], 1))


def shuffled(x: Tensor) -> Tensor:
    """Channels of the two halves in turn."""
    b, c, h, w = x.shape
    return x.view(b, 2, c // 2, h, w).transpose(1, 2).contiguous().view(b, c, h, w)


def shufflenet() -> nn.Module:
    """For 64 x 64."""
    return nn.Sequential(
        ConvNorm(3, 8, 3, 2),
        nn.MaxPool2d(3, 2, 1),
        Unit(8, 16, 2),
        Unit(16, 16, 1),
        Unit(16, 32, 2),
        Unit(32, 32, 1),
        ConvNorm(32, 48, 1),
        GlobalHead(48),
    )
