"""MaxViT (Tu et al. 2022): inverted bottlenecks, then attention within blocks and across a dilated grid."""

from torch import Tensor, nn

from tests.architectures.mobilenet import Inverted
from tests.architectures.parts import ConvNorm, GlobalHead, SqueezeExcite, WindowAttention, from_windows, to_windows

SIDE = 4


class Attend(nn.Module):
    """Attention over the tokens that `gather` brings together, then a perceptron. (b, c, h, w) in and out."""

    def __init__(self, channels: int, across_grid: bool):
        super().__init__()
        self.across_grid = across_grid
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = WindowAttention(channels, 2, SIDE)
        self.perceptron = nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)
        _, h, w, _ = x.shape
        x = x + self.mixed(self.norm1(x), h, w)
        return (x + self.perceptron(self.norm2(x))).permute(0, 3, 1, 2)

    def mixed(self, x: Tensor, h: int, w: int) -> Tensor:
        if self.across_grid:
            return from_grid(self.attention(to_grid(x, SIDE)), SIDE, h, w)
        return from_windows(self.attention(to_windows(x, SIDE)), SIDE, h, w)


def to_grid(x: Tensor, side: int) -> Tensor:
    """Tokens h / side and w / side apart together: (b, h, w, c) -> (b * groups, side * side, c)."""
    b, h, w, c = x.shape
    x = x.reshape(b, side, h // side, side, w // side, c).permute(0, 2, 4, 1, 3, 5)
    return x.reshape(-1, side * side, c)


def from_grid(x: Tensor, side: int, h: int, w: int) -> Tensor:
    """The reverse of `to_grid`."""
    c = x.shape[-1]
    x = x.reshape(-1, h // side, w // side, side, side, c).permute(0, 3, 1, 4, 2, 5)
    return x.reshape(-1, h, w, c)


def maxvit() -> nn.Module:
    """For 32 x 32: two stages of convolution, block attention and grid attention."""

    def stage(before: int, after: int) -> list[nn.Module]:
        gate = SqueezeExcite(4 * before, before, nn.SiLU)
        conv = Inverted(before, 4 * before, after, 3, 2, nn.GELU, gate)
        return [conv, Attend(after, across_grid=False), Attend(after, across_grid=True)]

    return nn.Sequential(ConvNorm(3, 8, 3, activation=nn.GELU), *stage(8, 16), *stage(16, 24), GlobalHead(24))
