"""ResNet (He et al. 2016) with basic and with bottleneck blocks, and RegNetY (Radosavovic et al. 2020)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from tests.architectures.parts import ConvNorm, GlobalHead, SqueezeExcite


class Basic(nn.Module):
    """Two 3 x 3 convolutions; one ReLU module, in place, for both of its calls."""

    def __init__(self, before: int, width: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = shortcut(before, width, stride)
        self.channels = width

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return self.relu(out)


class Bottleneck(nn.Module):
    """1 x 1 to narrow, 3 x 3, 1 x 1 to four times the width."""

    def __init__(self, before: int, width: int, stride: int):
        super().__init__()
        self.channels = 4 * width
        self.body = nn.Sequential(
            ConvNorm(before, width, 1),
            ConvNorm(width, width, 3, stride),
            ConvNorm(width, self.channels, 1, activation=None),
        )
        self.shortcut = shortcut(before, self.channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class GroupedGated(nn.Module):
    """RegNetY's block: a grouped 3 x 3 convolution and squeeze-and-excitation between two 1 x 1."""

    def __init__(self, before: int, width: int, stride: int):
        super().__init__()
        self.channels = width
        self.body = nn.Sequential(
            ConvNorm(before, width, 1),
            ConvNorm(width, width, 3, stride, groups=width // 8),
            SqueezeExcite(width, max(2, before // 4)),
            ConvNorm(width, width, 1, activation=None),
        )
        self.shortcut = shortcut(before, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(self.shortcut(x) + self.body(x))


def shortcut(before: int, after: int, stride: int) -> nn.Module:
    """The identity where shapes allow, else a strided 1 x 1 convolution."""
    if stride == 1 and before == after:
        return nn.Identity()
    return ConvNorm(before, after, 1, stride, activation=None)


class ResNet(nn.Module):
    """Stem, stages of blocks that halve the resolution, mean over positions, linear layer."""

    def __init__(
        self, block: Callable[[int, int, int], nn.Module], depths: Sequence[int], widths: Sequence[int], stem: nn.Module
    ):
        super().__init__()
        self.stem = stem
        stages, before = [], 8
        for number, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            blocks: list[nn.Module] = []
            for place in range(depth):
                blocks.append(block(before, width, 2 if place == 0 and number > 0 else 1))
                before = blocks[-1].channels
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.head = GlobalHead(before)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stages(self.stem(x)))


def resnet_basic() -> nn.Module:
    """ResNet-18's four stages, an eighth as wide; for 64 x 64."""
    return ResNet(Basic, (2, 2, 2, 2), (8, 16, 24, 32), imagenet_stem())


def resnet_bottleneck() -> nn.Module:
    """Bottleneck blocks in four stages; for 64 x 64."""
    return ResNet(Bottleneck, (1, 2, 2, 1), (4, 8, 12, 16), imagenet_stem())


def regnet() -> nn.Module:
    """RegNetY: a strided stem without a pool; for 64 x 64."""
    return ResNet(GroupedGated, (1, 2, 2), (16, 24, 40), ConvNorm(3, 8, 3, 2))


def imagenet_stem() -> nn.Module:
    """7 x 7 at stride 2 and an overlapping max pool."""
    return nn.Sequential(ConvNorm(3, 8, 7, 2), nn.MaxPool2d(3, 2, 1))
