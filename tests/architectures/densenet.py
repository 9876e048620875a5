"""DenseNet-BC (Huang et al. 2017): every layer reads all before it; normalization and ReLU come first."""

import torch
import torch.nn.functional as F  # noqa: N812  # as everyone writes it
from torch import Tensor, nn

from tests.architectures.parts import CLASSES


class DenseLayer(nn.Module):
    """Normalize, ReLU, 1 x 1, normalize, ReLU, 3 x 3: `growth` new channels appended."""

    def __init__(self, before: int, growth: int):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(before), nn.Conv2d(before, 4 * growth, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(4 * growth), nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        new = self.conv1(F.relu(self.norm1(x)))
        new = self.conv2(F.relu(self.norm2(new)))
        return torch.cat([x, new], 1)


class Transition(nn.Sequential):
    """Half the channels, half the resolution."""

    def __init__(self, before: int):
        conv = nn.Conv2d(before, before // 2, 1, bias=False)
        super().__init__(nn.BatchNorm2d(before), nn.ReLU(), conv, nn.AvgPool2d(2))


class DenseNet(nn.Module):
    """For 64 x 64, three dense blocks."""

    def __init__(self, growth: int = 6, depths: tuple[int, ...] = (2, 3, 3)):
        super().__init__()
        channels = 2 * growth
        layers: list[nn.Module] = [nn.Conv2d(3, channels, 7, 2, 3, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
        layers.append(nn.MaxPool2d(3, 2, 1))
        for number, depth in enumerate(depths):
            for _ in range(depth):
                layers.append(DenseLayer(channels, growth))
                channels += growth
            if number < len(depths) - 1:
                layers.append(Transition(channels))
                channels //= 2
        self.features = nn.Sequential(*layers, nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.features(x), inplace=True)
        return self.classifier(F.adaptive_avg_pool2d(x, (1, 1)).flatten(1))
