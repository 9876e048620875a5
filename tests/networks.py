"""Small networks in plain torch, one per way of building them; weights from a fixed seed, 32x32 images."""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812  # as everyone writes it
from torch import Tensor, nn

SIZE = (32, 32)
CLASSES = 10


class PlainConv(nn.Module):
    """Modules only, ReLU in place after every normalization."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, stride=2),
            nn.BatchNorm2d(16),
            nn.ReLU(inplace=True),
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(16 * 7 * 7, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


class ResidualBlock(nn.Module):
    """One ReLU module, in place, for two calls; the sum is an operation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x
        return self.relu(out)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.layer1 = nn.Sequential(ResidualBlock(8), ResidualBlock(8))
        self.fc = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x), inplace=True)
        x = self.layer1(x)
        x = F.adaptive_avg_pool2d(x, 1)
        return self.fc(torch.flatten(x, 1))


class Depthwise(nn.Module):
    """Depthwise and pointwise convolutions, ReLU6 and hard swish, joined by cat."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.pointwise = nn.Conv2d(8, 16, 1)
        self.fc = nn.Linear(24, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self.stem(x))
        y = F.hardswish(self.pointwise(F.relu6(self.depthwise(x))))
        x = torch.cat([x, y], dim=1)
        return self.fc(x.mean((2, 3)))


class SqueezeExcite(nn.Module):
    """A gate computed from the whole image multiplies every channel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.squeeze = nn.Conv2d(8, 2, 1)
        self.excite = nn.Conv2d(2, 8, 1)
        self.fc = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.silu(self.conv(x))
        gate = self.excite(F.relu(self.squeeze(F.adaptive_avg_pool2d(x, 1))))
        x = x * torch.sigmoid(gate)
        return self.fc(F.avg_pool2d(x, 32).flatten(1))


class TransformerBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, 2, batch_first=True)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class TinyViT(nn.Module):
    """Patches, a class token, learned positions, attention."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 8, stride=8)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, 17, width))
        self.blocks = nn.Sequential(TransformerBlock(width), TransformerBlock(width))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.positions
        return self.head(self.norm(self.blocks(x))[:, 0])


class CifarBlock(nn.Module):
    """He et al. 2016, section 4.2; where it gets narrower, the shortcut is option A: skip pixels, pad channels."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride=after // before, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.new_channels = after - before

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.new_channels:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.new_channels // 2, self.new_channels // 2))
        return F.relu(out + x)


class CifarResNet20(nn.Module):
    """The CIFAR-10 network of He et al. 2016 with three blocks a stage, module names as in common checkpoints."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(CifarBlock(16, 16), CifarBlock(16, 16), CifarBlock(16, 16))
        self.layer2 = nn.Sequential(CifarBlock(16, 32), CifarBlock(32, 32), CifarBlock(32, 32))
        self.layer3 = nn.Sequential(CifarBlock(32, 64), CifarBlock(64, 64), CifarBlock(64, 64))
        self.linear = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(F.avg_pool2d(x, x.shape[3]).flatten(1))


def seeded(network: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """The network with reproducible weights, normalization statistics that do something, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = network()
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.normal_(0, 0.1)
                part.running_var.uniform_(0.5, 1.5)
    return module.eval()


ARCHITECTURES: dict[str, Callable[[], nn.Module]] = {
    "plain": PlainConv,
    "residual": Residual,
    "depthwise": Depthwise,
    "squeeze-excite": SqueezeExcite,
    "attention": TinyViT,
}
