"""Pieces that several architectures share."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

CLASSES = 10

MakeActivation = Callable[[], nn.Module]


class ConvNorm(nn.Sequential):
    """Convolution without bias, batch normalization and, unless None, an activation; "same" padding."""

    def __init__(
        self,
        before: int,
        after: int,
        kernel: int = 3,
        stride: int = 1,
        groups: int = 1,
        dilation: int = 1,
        activation: MakeActivation | None = nn.ReLU,
    ):
        padding = dilation * (kernel // 2)
        layers: list[nn.Module] = [
            nn.Conv2d(before, after, kernel, stride, padding, dilation, groups, bias=False),
            nn.BatchNorm2d(after),
        ]
        super().__init__(*layers, *([activation()] if activation else []))


class SqueezeExcite(nn.Module):
    """Hu et al. 2018: channels weighted by a gate computed from the whole image."""

    def __init__(
        self, channels: int, squeezed: int, activation: MakeActivation = nn.ReLU, gate: MakeActivation = nn.Sigmoid
    ):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.activation = activation()
        self.excite = nn.Conv2d(squeezed, channels, 1)
        self.gate = gate()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(self.excite(self.activation(self.squeeze(self.pool(x)))))


class GlobalHead(nn.Sequential):
    """Mean over positions and one linear layer: (b, c, h, w) -> (b, classes)."""

    def __init__(self, channels: int, classes: int = CLASSES):
        super().__init__(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


class WindowAttention(nn.Module):
    """Attention among the `side` x `side` tokens of each window, with a learned bias for every relative position.

    Liu et al. 2021, eq. 4: softmax(q k^T / sqrt(d) + B) v, written out. (windows, tokens, channels) in and out.
    """

    def __init__(self, channels: int, heads: int, side: int):
        super().__init__()
        self.heads, self.scale = heads, (channels // heads) ** -0.5
        self.to_qkv = nn.Linear(channels, 3 * channels)
        self.to_output = nn.Linear(channels, channels)
        self.bias_table = nn.Parameter(torch.zeros((2 * side - 1) ** 2, heads))
        self.register_buffer("bias_index", relative_positions(side), persistent=False)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        windows, tokens, channels = x.shape
        q, k, v = self.to_qkv(x).reshape(windows, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        bias = self.bias_table[self.bias_index.reshape(-1)].reshape(tokens, tokens, self.heads).permute(2, 0, 1)
        scores = (q * self.scale) @ k.transpose(-2, -1) + bias
        if mask is not None:
            by_image = scores.reshape(-1, mask.shape[0], self.heads, tokens, tokens)
            scores = (by_image + mask[:, None]).reshape(-1, self.heads, tokens, tokens)
        mixed = scores.softmax(-1) @ v
        return self.to_output(mixed.transpose(1, 2).reshape(windows, tokens, channels))


def relative_positions(side: int) -> Tensor:
    """Which entry of the bias table each pair of tokens of a window reads, (tokens, tokens)."""
    ys, xs = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    ys, xs = ys.reshape(-1), xs.reshape(-1)
    dy, dx = ys[:, None] - ys + side - 1, xs[:, None] - xs + side - 1
    return dy * (2 * side - 1) + dx


def to_windows(x: Tensor, side: int) -> Tensor:
    """Neighbours together: (b, h, w, c) -> (b * windows, side * side, c)."""
    b, h, w, c = x.shape
    x = x.reshape(b, h // side, side, w // side, side, c).permute(0, 1, 3, 2, 4, 5)
    return x.reshape(-1, side * side, c)


def from_windows(x: Tensor, side: int, h: int, w: int) -> Tensor:
    """The reverse of `to_windows`: (b * windows, side * side, c) -> (b, h, w, c)."""
    c = x.shape[-1]
    x = x.reshape(-1, h // side, w // side, side, side, c).permute(0, 1, 3, 2, 4, 5)
    return x.reshape(-1, h, w, c)
