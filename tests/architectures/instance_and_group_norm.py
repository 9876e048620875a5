"""Normalization per image: a style network (Johnson et al. 2016, Ulyanov et al. 2016) and a group-norm classifier."""

import torch
import torch.nn.functional as F  # noqa: N812  # as everyone writes it
from torch import Tensor, nn

from tests.architectures.parts import CLASSES


def reflected(before: int, after: int, kernel: int, stride: int = 1) -> nn.Module:
    """A convolution that sees the image mirrored at its borders, then instance normalization."""
    return nn.Sequential(
        nn.ReflectionPad2d(kernel // 2),
        nn.Conv2d(before, after, kernel, stride),
        nn.InstanceNorm2d(after, affine=True),
    )


class Style(nn.Module):
    """For 32 x 32 -> (b, 3, 32, 32) between 0 and 1: down, residual blocks, up by nearest neighbours."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(reflected(3, 8, 9), nn.ReLU(), reflected(8, 16, 3, 2), nn.ReLU())
        self.blocks = nn.ModuleList(
            nn.Sequential(reflected(16, 16, 3), nn.ReLU(), reflected(16, 16, 3)) for _ in range(2)
        )
        self.up, self.last = reflected(16, 8, 3), nn.Conv2d(8, 3, 9, padding=4, padding_mode="reflect")

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x)
        for block in self.blocks:
            x = x + block(x)
        x = F.relu(self.up(F.interpolate(x, scale_factor=2, mode="nearest")))
        return torch.sigmoid(self.last(x))


def group_norm() -> nn.Module:
    """For 48 x 48: group normalization, ELU, leaky ReLU, softplus, pools that round up, softmax in the graph."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1, padding_mode="replicate"),
        nn.GroupNorm(4, 16),
        nn.ELU(),
        nn.Conv2d(16, 32, 3, 2, 1),
        nn.GroupNorm(8, 32),
        nn.LeakyReLU(0.1),
        nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        nn.Conv2d(32, 32, 3, padding=1),
        nn.Softplus(),
        nn.AvgPool2d(3, 2, ceil_mode=True, count_include_pad=False),
        nn.Hardsigmoid(),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(32, CLASSES),
        nn.Softmax(-1),
    )
