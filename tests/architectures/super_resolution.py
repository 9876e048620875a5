"""ESPCN (Shi et al. 2016): an image three times as large, its pixels made as channels and then rearranged."""

from torch import nn


def espcn() -> nn.Module:
    """For 32 x 32 -> (b, 3, 96, 96)."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 5, padding=2),
        nn.Tanh(),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.PReLU(16),
        nn.Conv2d(16, 27, 3, padding=1),
        nn.PixelShuffle(3),
    )
