"""Vision transformers (Dosovitskiy et al. 2021) with torch's attention module and with its attention function."""

import torch
import torch.nn.functional as F  # noqa: N812  # as everyone writes it
from torch import Tensor, nn

from tests.architectures.parts import CLASSES


class ModuleAttention(nn.Module):
    """torch.nn.MultiheadAttention, tokens attending to each other."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x, need_weights=False)[0]


class FunctionAttention(nn.Module):
    """One projection to queries, keys and values, then torch's scaled_dot_product_attention."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.to_qkv, self.to_output = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        b, tokens, width = x.shape
        q, k, v = self.to_qkv(x).reshape(b, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.to_output(mixed.transpose(1, 2).reshape(b, tokens, width))


class Block(nn.Module):
    """Normalization first: x + attention(norm(x)), then x + perceptron(norm(x))."""

    def __init__(self, width: int, attention: nn.Module):
        super().__init__()
        self.norm1, self.attention, self.norm2 = nn.LayerNorm(width), attention, nn.LayerNorm(width)
        self.perceptron = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.perceptron(self.norm2(x))


class ViT(nn.Module):
    """For 48 x 48: 36 patches and a class token, learned positions, the class read off the token."""

    def __init__(self, attention: type[nn.Module], width: int = 32, heads: int = 4, depth: int = 3):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 8, 8)
        self.token = nn.Parameter(0.5 * torch.randn(1, 1, width))
        self.positions = nn.Parameter(0.5 * torch.randn(1, 37, width))
        self.blocks = nn.Sequential(*(Block(width, attention(width, heads)) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width, eps=1e-6), nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.positions
        return self.head(self.norm(self.blocks(x))[:, 0])


def vit() -> nn.Module:
    """Attention as a module."""
    return ViT(ModuleAttention)


def vit_function() -> nn.Module:
    """Attention as a function."""
    return ViT(FunctionAttention)
