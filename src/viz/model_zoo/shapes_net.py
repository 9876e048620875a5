"""The built-in model's architecture: a small residual network over ten shapes, for any picture size."""

import torch
from torch import Tensor, nn

MEAN = (0.5, 0.5, 0.5)  # what the pictures are normalized with before they reach the network
STD = (0.25, 0.25, 0.25)


class ShapesNet(nn.Module):
    """Logits of ten shapes: (b,3,h,w) normalized pixels -> (b,classes). At 96x96 the last maps are 12x12."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential()
        self.stem.add_module("conv", nn.Conv2d(3, 32, 7, stride=2, padding=3, bias=False))
        self.stem.add_module("norm", nn.BatchNorm2d(32))
        self.stem.add_module("relu", nn.ReLU())
        self.stages = nn.Sequential(
            ResidualBlock(32, 32, stride=2),
            ResidualBlock(32, 64, stride=2),
            ResidualBlock(64, 96),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(96, classes)

    def forward(self, image: Tensor) -> Tensor:
        """Logits, before any softmax."""
        logits: Tensor = self.classifier(torch.flatten(self.pool(self.features(image)), 1))
        return logits

    def features(self, image: Tensor) -> Tensor:
        """The last maps before pooling, (b,96,h/8,w/8), at least 0."""
        maps: Tensor = self.stages(self.stem(image))
        return maps


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a 1x1 shortcut, added and rectified. Source: arXiv 1512.03385."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
        self.shortcut_norm = nn.BatchNorm2d(outputs)
        self.relu2 = nn.ReLU()  # one module per use, so that a hook on it sees one tensor

    def forward(self, features: Tensor) -> Tensor:
        """(b,inputs,h,w) -> (b,outputs,h/stride,w/stride), at least 0."""
        inner = self.relu1(self.norm1(self.conv1(features)))
        added: Tensor = self.norm2(self.conv2(inner)) + self.shortcut_norm(self.shortcut(features))
        rectified: Tensor = self.relu2(added)
        return rectified
