"""DeepLabV3 (Chen et al. 2017): dilated convolutions, a pyramid of them, scores enlarged to the image's size."""

import torch
import torch.nn.functional as F  # noqa: N812  # as everyone writes it
from torch import Tensor, nn

from tests.architectures.parts import ConvNorm


class Dilated(nn.Module):
    """A residual block whose second convolution looks further, not coarser."""

    def __init__(self, channels: int, dilation: int):
        super().__init__()
        self.body = nn.Sequential(
            ConvNorm(channels, channels, 3), ConvNorm(channels, channels, 3, dilation=dilation, activation=None)
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


class Pyramid(nn.Module):
    """Atrous spatial pyramid pooling: several dilations side by side, and the mean of the whole image."""

    def __init__(self, before: int, after: int, dilations: tuple[int, ...]):
        super().__init__()
        views = [ConvNorm(before, after, 3, dilation=dilation) for dilation in dilations]
        self.views = nn.ModuleList([ConvNorm(before, after, 1), *views])
        self.whole = nn.Sequential(nn.AdaptiveAvgPool2d(1), ConvNorm(before, after, 1))
        self.project = nn.Sequential(ConvNorm(after * (len(dilations) + 2), after, 1), nn.Dropout())

    def forward(self, x: Tensor) -> Tensor:
        whole = F.interpolate(self.whole(x), size=x.shape[-2:], mode="bilinear", align_corners=False)
        return self.project(torch.cat([*(view(x) for view in self.views), whole], 1))


class DeepLab(nn.Module):
    """For 64 x 64 -> (b, 6, 64, 64)."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            ConvNorm(3, 8, 3, 2), ConvNorm(8, 16, 3, 2), ConvNorm(16, 16, 3, 2), Dilated(16, 2), Dilated(16, 4)
        )
        self.head = nn.Sequential(Pyramid(16, 12, (2, 4, 6)), ConvNorm(12, 12, 3), nn.Conv2d(12, 6, 1))

    def forward(self, x: Tensor) -> Tensor:
        scores = self.head(self.backbone(x))
        return F.interpolate(scores, size=x.shape[-2:], mode="bilinear", align_corners=False)
