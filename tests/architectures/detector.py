"""A YOLO-like detector: pyramid of two resolutions, boxes decoded in the graph (Redmon et al. 2016 and successors)."""

import torch
from torch import Tensor, nn

from tests.architectures.parts import ConvNorm

CLASSES, BINS, STRIDES = 4, 8, (8, 16)


def conv(before: int, after: int, kernel: int = 3, stride: int = 1) -> nn.Module:
    """Convolution, normalization, SiLU."""
    return ConvNorm(before, after, kernel, stride, activation=nn.SiLU)


class CrossStage(nn.Module):
    """Half of the channels go through residual blocks, everything on the way is joined (Wang et al. 2020)."""

    def __init__(self, channels: int):
        super().__init__()
        self.first, self.last = conv(channels, channels, 1), conv(3 * channels // 2, channels, 1)
        self.block = nn.Sequential(conv(channels // 2, channels // 2), conv(channels // 2, channels // 2))

    def forward(self, x: Tensor) -> Tensor:
        kept, worked = self.first(x).chunk(2, 1)
        return self.last(torch.cat([kept, worked, worked + self.block(worked)], 1))


class PooledPyramid(nn.Module):
    """The same max pool three times over, all steps joined: windows of 5, 9 and 13."""

    def __init__(self, channels: int):
        super().__init__()
        self.first, self.last = conv(channels, channels // 2, 1), conv(2 * channels, channels, 1)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        steps = [self.first(x)]
        for _ in range(3):
            steps.append(self.pool(steps[-1]))
        return self.last(torch.cat(steps, 1))


class Detector(nn.Module):
    """For 64 x 64 -> (b, 4 + classes, positions): boxes x1, y1, x2, y2 in pixels and a probability per class."""

    def __init__(self) -> None:
        super().__init__()
        self.early = nn.Sequential(conv(3, 8, 3, 2), conv(8, 16, 3, 2), CrossStage(16), conv(16, 24, 3, 2))
        self.late = nn.Sequential(conv(24, 32, 3, 2), CrossStage(32), PooledPyramid(32))
        self.enlarge = nn.Upsample(scale_factor=2, mode="nearest")
        self.join = conv(56, 24, 1)
        self.sides = nn.ModuleList(nn.Conv2d(c, 4 * BINS, 1) for c in (24, 32))
        self.scores = nn.ModuleList(nn.Conv2d(c, CLASSES, 1) for c in (24, 32))

    def forward(self, x: Tensor) -> Tensor:
        early = self.early(x)
        late = self.late(early)
        early = self.join(torch.cat([self.enlarge(late), early], 1))
        levels = zip((early, late), self.sides, self.scores, STRIDES, strict=True)
        return torch.cat([self.decoded(*level) for level in levels], 2)

    def decoded(self, x: Tensor, to_sides: nn.Module, to_scores: nn.Module, stride: int) -> Tensor:
        """Distances to the four sides are expectations over bins (Li et al. 2020), measured from cell centres."""
        height, width = x.shape[-2:]
        centres = cell_centres(height, width)
        bins = to_sides(x).reshape(-1, 4, BINS, height * width).softmax(2)
        distances = (bins * torch.arange(BINS, dtype=x.dtype).view(1, 1, BINS, 1)).sum(2)
        near, far = distances.chunk(2, 1)
        boxes = torch.cat([centres - near, centres + far], 1) * stride
        return torch.cat([boxes, to_scores(x).flatten(2).sigmoid()], 1)


def cell_centres(height: int, width: int) -> Tensor:
    """(1, 2, positions): x and y of the middle of every cell, in cells."""
    ys, xs = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    return torch.stack([xs, ys]).flatten(1)[None]
