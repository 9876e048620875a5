"""Networks for benchmarks, written here with random weights: the same one in torch and as an ONNX file."""

from pathlib import Path

import torch
from torch import Tensor, nn


def conv(into: int, out: int, kernel: int = 3, stride: int = 1, groups: int = 1, act: bool = True) -> nn.Sequential:
    """Convolution, batch normalization and ReLU6."""
    layers: list[nn.Module] = [
        nn.Conv2d(into, out, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out),
    ]
    return nn.Sequential(*layers, *([nn.ReLU6()] if act else []))


class Inverted(nn.Module):
    """MobileNetV2's block (Sandler et al. 2018): widen, filter each channel, narrow; with a shortcut."""

    def __init__(self, into: int, out: int, stride: int, widen: int):
        super().__init__()
        wide = into * widen
        first = [conv(into, wide, 1)] if widen > 1 else []
        self.body = nn.Sequential(*first, conv(wide, wide, 3, stride, wide), conv(wide, out, 1, act=False))
        self.shortcut = stride == 1 and into == out

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, c', h', w')."""
        return x + self.body(x) if self.shortcut else self.body(x)


def mobilenet_v2() -> nn.Module:
    """MobileNetV2, width 1.0: 300 M multiply-accumulates at 224 x 224."""
    plan = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    layers: list[nn.Module] = [conv(3, 32, 3, 2)]
    into = 32
    for widen, out, count, stride in plan:
        for i in range(count):
            layers.append(Inverted(into, out, stride if i == 0 else 1, widen))
            into = out
    return nn.Sequential(*layers, conv(into, 1280, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000))


class Basic(nn.Module):
    """ResNet's block of two convolutions (He et al. 2016)."""

    def __init__(self, into: int, out: int, stride: int):
        super().__init__()
        self.body = nn.Sequential(conv(into, out, 3, stride), conv(out, out, act=False))
        self.down = conv(into, out, 1, stride, act=False) if stride > 1 or into != out else nn.Identity()
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, c', h', w')."""
        return self.relu(self.body(x) + self.down(x))


def resnet18() -> nn.Module:
    """ResNet-18: 1.8 G multiply-accumulates at 224 x 224."""
    layers: list[nn.Module] = [conv(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)]
    into = 64
    for out, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [Basic(into, out, stride), Basic(out, out, 1)]
        into = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


class Bottleneck(nn.Module):
    """ResNet's block of three convolutions, the last four times as wide (He et al. 2016)."""

    def __init__(self, into: int, width: int, stride: int):
        super().__init__()
        out = 4 * width
        self.body = nn.Sequential(conv(into, width, 1), conv(width, width, 3, stride), conv(width, out, 1, act=False))
        self.down = conv(into, out, 1, stride, act=False) if stride > 1 or into != out else nn.Identity()
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, c', h', w')."""
        return self.relu(self.body(x) + self.down(x))


def resnet50() -> nn.Module:
    """ResNet-50: 4.1 G multiply-accumulates at 224 x 224."""
    layers: list[nn.Module] = [conv(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)]
    into = 64
    for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for i in range(count):
            layers.append(Bottleneck(into, width, stride if i == 0 else 1))
            into = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(into, 1000))


def vgg16() -> nn.Module:
    """VGG16 (Simonyan & Zisserman 2015, configuration D): 15.5 G multiply-accumulates at 224 x 224.

    It has no normalization, so the weights are drawn such that no layer fades what it is given (He et al. 2015).
    """
    layers: list[nn.Module] = []
    into = 3
    for out, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            layers += [nn.Conv2d(into, out, 3, padding=1), nn.ReLU()]
            into = out
        layers.append(nn.MaxPool2d(2))
    dense = [nn.Linear(512 * 7 * 7, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000)]
    network = nn.Sequential(*layers, nn.Flatten(), *dense)
    for layer in network:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return network


class Encoder(nn.Module):
    """A transformer's block, normalization first (Dosovitskiy et al. 2021)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.perceptron = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """(b, tokens, width) -> the same."""
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.perceptron(self.norm2(x))


class VisionTransformer(nn.Module):
    """ViT-B/16 for 224 x 224: 17.6 G multiply-accumulates."""

    def __init__(self, width: int = 768, heads: int = 12, depth: int = 12):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 16, 16)
        self.token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(1, 197, width))
        self.blocks = nn.Sequential(*(Encoder(width, heads) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 1000)

    def forward(self, x: Tensor) -> Tensor:
        """(b, 3, 224, 224) -> (b, 1000)."""
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        return self.head(self.norm(self.blocks(x))[:, 0])


NETWORKS = {"mobilenet_v2": mobilenet_v2, "resnet18": resnet18}
MAKERS = {**NETWORKS, "resnet50": resnet50, "vgg16": vgg16}


def build(name: str) -> nn.Module:
    """The network in evaluation mode, the same every time; its statistics, if any, are those of a few random batches.

    Without them, values would fade from layer to layer, and the outputs hardly depend on the image.
    """
    torch.manual_seed(0)
    network = MAKERS[name]()
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the mean of all batches, without what was there before
    network.train()
    with torch.no_grad():
        for _ in range(3 if norms else 0):
            network(torch.randn(8, 3, 128, 128))
    return network.eval()


def make(name: str, folder: Path) -> tuple[nn.Module, Path]:
    """The network and its ONNX file."""
    network = build(name)
    path = folder / f"{name}.onnx"
    dynamic = ({0: torch.export.Dim("batch")},)
    torch.onnx.export(
        network,
        (torch.randn(2, 3, 224, 224),),
        str(path),
        dynamo=True,
        dynamic_shapes=dynamic,
        verbose=False,
        external_data=False,
    )
    return network, path
