"""GoogLeNet (Szegedy et al. 2015) and Inception v3 (Szegedy et al. 2016): branches side by side."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F  # noqa: N812  # as everyone writes it
from torch import Tensor, nn

from tests.architectures.parts import ConvNorm, GlobalHead


class Branches(nn.Module):
    """Several views of the same input, joined along the channels."""

    def __init__(self, *branches: nn.Module):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


def inception_module(before: int, one: int, three: tuple[int, int], five: tuple[int, int], pooled: int) -> nn.Module:
    """GoogLeNet's figure 2b: 1 x 1; 1 x 1 then 3 x 3; 1 x 1 then 5 x 5; max pool then 1 x 1."""
    return Branches(
        ConvNorm(before, one, 1),
        nn.Sequential(ConvNorm(before, three[0], 1), ConvNorm(*three, 3)),
        nn.Sequential(ConvNorm(before, five[0], 1), ConvNorm(*five, 5)),
        nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), ConvNorm(before, pooled, 1)),
    )


def googlenet() -> nn.Module:
    """For 64 x 64; pools that round up."""
    return nn.Sequential(
        ConvNorm(3, 8, 7, 2),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        ConvNorm(8, 8, 1),
        ConvNorm(8, 16, 3),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        inception_module(16, 8, (8, 12), (2, 4), 4),
        inception_module(28, 8, (8, 16), (4, 8), 8),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        inception_module(40, 16, (12, 24), (4, 8), 8),
        nn.Dropout(0.2),
        GlobalHead(56),
    )


class Asymmetric(nn.Module):
    """A convolution with a kernel that is not square, "same" padding."""

    def __init__(self, before: int, after: int, kernel: tuple[int, int]):
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, padding=(kernel[0] // 2, kernel[1] // 2), bias=False)
        self.norm = nn.BatchNorm2d(after, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)), inplace=True)


def asymmetric_chain(before: int, after: int, kernels: Iterable[tuple[int, int]]) -> list[nn.Module]:
    """1 x 1, then one kernel after the other at `after` channels."""
    return [ConvNorm(before, after, 1), *(Asymmetric(after, after, kernel) for kernel in kernels)]


def inception_v3() -> nn.Module:
    """For 75 x 75: n x 1 and 1 x n factors, strided branches, mean pools that count the border."""
    seven, pair = [(1, 7), (7, 1)], [(1, 3), (3, 1)]
    pool = nn.AvgPool2d(3, 1, 1)
    return nn.Sequential(
        ConvNorm(3, 8, 3, 2),
        nn.MaxPool2d(3, 2),
        Branches(
            ConvNorm(8, 8, 1),
            nn.Sequential(ConvNorm(8, 6, 1), ConvNorm(6, 8, 3), ConvNorm(8, 8, 3)),
            nn.Sequential(pool, ConvNorm(8, 8, 1)),
        ),
        Branches(nn.Conv2d(24, 16, 3, 2), nn.MaxPool2d(3, 2)),
        Branches(
            nn.Sequential(*asymmetric_chain(40, 8, seven)),
            nn.Sequential(*asymmetric_chain(40, 8, seven[::-1] + seven[::-1])),
            nn.Sequential(pool, ConvNorm(40, 8, 1)),
        ),
        Branches(
            nn.Sequential(ConvNorm(24, 16, 1), Branches(*(Asymmetric(16, 12, kernel) for kernel in pair))),
            ConvNorm(24, 8, 1),
        ),
        GlobalHead(32),
    )
