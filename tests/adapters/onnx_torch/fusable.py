"""Small networks whose parts onnxruntime's optimizers fuse and its quantizers quantize."""

import torch
from torch import Tensor, nn

IMAGES = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))


class Residual(nn.Module):
    """Every activation that is fused into convolutions, a skip connection, a fused linear layer; 4 scores."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8))
        self.rest = nn.Sequential(
            *(nn.Conv2d(8, 8, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(8, 8, 1), nn.Sigmoid()),
            *(nn.Conv2d(8, 8, 1), nn.ReLU6(), nn.Conv2d(8, 8, 1), nn.Hardsigmoid(), nn.Conv2d(8, 8, 1), nn.Tanh()),
        )
        self.head = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 4))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        x = torch.relu(x + self.second(x))
        found: Tensor = self.head(self.rest(x).mean((2, 3)))
        return found


class SelfAttention(nn.Module):
    """Four heads, with projections of their own for queries, keys and values."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (self.heads(part(x)) for part in (self.query, self.key, self.value))
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        found: Tensor = self.out((torch.softmax(scores, -1) @ value).permute(0, 2, 1, 3).reshape(x.shape))
        return found

    def heads(self, x: Tensor) -> Tensor:
        return x.view(x.shape[0], x.shape[1], 4, -1).permute(0, 2, 1, 3)


class Block(nn.Module):
    """Attention and two linear layers, each after a norm and beside a skip connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention, self.norms = SelfAttention(width), nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.layers = nn.Sequential(nn.Linear(width, 64), nn.GELU(), nn.Linear(64, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norms[0](x))
        found: Tensor = x + self.layers(self.norms[1](x))
        return found


class TokenMixer(nn.Module):
    """Patches and two blocks of attention; 4 scores."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.places = nn.Conv2d(3, 32, 4, 4), nn.Parameter(torch.randn(1, 16, 32))
        self.blocks = nn.Sequential(Block(32), Block(32), nn.LayerNorm(32))
        self.head = nn.Linear(32, 4)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.head(self.blocks(self.patches(x).flatten(2).transpose(1, 2) + self.places).mean(1))
        return found


def made(kind: type[nn.Module]) -> nn.Module:
    """The network with weights that are always the same, and running statistics that are not the defaults."""
    torch.manual_seed(0)
    network = kind().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return network
