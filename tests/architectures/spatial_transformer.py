"""Spatial transformer (Jaderberg et al. 2015): the network looks at the image through a window that it chooses."""

import torch
import torch.nn.functional as F  # noqa: N812  # as everyone writes it
from torch import Tensor, nn

from tests.architectures.parts import ConvNorm, GlobalHead


class SpatialTransformer(nn.Module):
    """For 32 x 32. `affine_grid` uses torch's function; without it the grid is a product of matrices."""

    def __init__(self, affine_grid: bool):
        super().__init__()
        self.affine_grid = affine_grid
        self.look = nn.Sequential(nn.Conv2d(3, 8, 7, 4), nn.ReLU(), GlobalHead(8, 6))
        self.classify = nn.Sequential(ConvNorm(3, 16), nn.MaxPool2d(2), ConvNorm(16, 16), GlobalHead(16))
        self.register_buffer("identity", torch.tensor([[1.0, 0, 0], [0, 1, 0]]))

    def forward(self, x: Tensor) -> Tensor:
        theta = torch.tanh(self.look(x)).view(-1, 2, 3) * 0.3 + self.identity
        if self.affine_grid:
            grid = F.affine_grid(theta, list(x.shape), align_corners=False)
        else:
            height, width = x.shape[-2:]
            grid = (positions(height, width).to(x.dtype) @ theta.transpose(1, 2)).view(-1, height, width, 2)
        return self.classify(F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False))


def positions(height: int, width: int) -> Tensor:
    """Homogeneous coordinates of all pixels, (1, height * width, 3), from -1 to 1."""
    ys, xs = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    return torch.stack([xs, ys, torch.ones_like(xs)], -1).view(1, -1, 3)


def spatial_transformer() -> nn.Module:
    """With a grid of its own."""
    return SpatialTransformer(affine_grid=False)


def spatial_transformer_affine() -> nn.Module:
    """With torch.nn.functional.affine_grid."""
    return SpatialTransformer(affine_grid=True)
