"""U-Net (Ronneberger et al. 2015), growing back by transposed convolutions or by bilinear upsampling."""

import torch
import torch.nn.functional as F  # noqa: N812  # as everyone writes it
from torch import Tensor, nn

from tests.architectures.parts import ConvNorm


class UNet(nn.Module):
    """For 48 x 48 -> (b, 5, 48, 48): three halvings, each joined to its mirror image."""

    def __init__(self, bilinear: bool):
        super().__init__()
        widths = (8, 12, 16, 24)
        befores = (3, *widths)
        self.down = nn.ModuleList(double(a, b) for a, b in zip(befores, widths, strict=False))
        pairs = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.grow = nn.ModuleList(upsampling(a, b, bilinear) for a, b in pairs)
        self.up = nn.ModuleList(double(2 * b, b) for _, b in pairs)
        self.last = nn.Conv2d(widths[0], 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        skipped = []
        for number, down in enumerate(self.down):
            x = down(F.max_pool2d(x, 2) if number else x)
            skipped.append(x)
        skipped.pop()
        for grow, up in zip(self.grow, self.up, strict=True):
            x = up(torch.cat([skipped.pop(), grow(x)], 1))
        return self.last(x)


def double(before: int, after: int) -> nn.Module:
    """Two convolutions."""
    return nn.Sequential(ConvNorm(before, after), ConvNorm(after, after))


def upsampling(before: int, after: int, bilinear: bool) -> nn.Module:
    """Twice the resolution, fewer channels."""
    if not bilinear:
        return nn.ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=1)
    grow = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
    return nn.Sequential(grow, nn.Conv2d(before, after, 1))


def unet_transposed() -> nn.Module:
    """Transposed convolutions."""
    return UNet(bilinear=False)


def unet_bilinear() -> nn.Module:
    """Bilinear upsampling with aligned corners."""
    return UNet(bilinear=True)
