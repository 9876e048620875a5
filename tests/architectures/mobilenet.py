"""MobileNetV2 (Sandler et al. 2018), MobileNetV3 (Howard et al. 2019), EfficientNet (Tan and Le 2019)."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from tests.architectures.parts import CLASSES, ConvNorm, GlobalHead, MakeActivation, SqueezeExcite


class Inverted(nn.Module):
    """Widen by 1 x 1, filter each channel by itself, perhaps gate, narrow by 1 x 1; a shortcut where shapes allow."""

    def __init__(
        self,
        before: int,
        wide: int,
        after: int,
        kernel: int,
        stride: int,
        activation: MakeActivation,
        gate: nn.Module | None = None,
    ):
        super().__init__()
        widen = [ConvNorm(before, wide, 1, activation=activation)] if wide != before else []
        self.body = nn.Sequential(
            *widen,
            ConvNorm(wide, wide, kernel, stride, groups=wide, activation=activation),
            *([gate] if gate is not None else []),
            ConvNorm(wide, after, 1, activation=None),
        )
        self.has_shortcut = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.has_shortcut else self.body(x)


def mobilenet_v2() -> nn.Module:
    """ReLU6 and linear bottlenecks; for 64 x 64."""
    plan = ((1, 8, 1), (6, 12, 2), (6, 12, 1), (6, 16, 2), (6, 16, 1), (6, 24, 2), (6, 32, 1))
    layers: list[nn.Module] = [ConvNorm(3, 8, 3, 2, activation=nn.ReLU6)]
    before = 8
    for times, after, stride in plan:
        layers.append(Inverted(before, before * times, after, 3, stride, nn.ReLU6))
        before = after
    return nn.Sequential(*layers, ConvNorm(before, 64, 1, activation=nn.ReLU6), nn.Dropout(0.2), GlobalHead(64))


class Row(NamedTuple):
    """One line of MobileNetV3's table 1."""

    kernel: int
    wide: int
    after: int
    gated: bool
    activation: MakeActivation
    stride: int


def mobilenet_v3() -> nn.Module:
    """ReLU early and hard swish late, gates with a hard sigmoid, kernels of 5; for 64 x 64."""
    rows: Sequence[Row] = (
        Row(3, 8, 8, True, nn.ReLU, 2),
        Row(3, 24, 12, False, nn.ReLU, 1),
        Row(5, 32, 16, True, nn.Hardswish, 2),
        Row(5, 48, 16, True, nn.Hardswish, 1),
        Row(5, 48, 24, True, nn.Hardswish, 2),
    )
    layers: list[nn.Module] = [ConvNorm(3, 8, 3, 2, activation=nn.Hardswish)]
    before = 8
    for kernel, wide, after, gated, activation, stride in rows:
        gate = SqueezeExcite(wide, max(4, wide // 4), gate=nn.Hardsigmoid) if gated else None
        layers.append(Inverted(before, wide, after, kernel, stride, activation, gate))
        before = after
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, 64), nn.Hardswish(), nn.Dropout(), nn.Linear(64, 10))
    return nn.Sequential(*layers, ConvNorm(before, 48, 1, activation=nn.Hardswish), *head)


def efficientnet() -> nn.Module:
    """SiLU, gates squeezed to a quarter of the block's input, kernels of 3 and 5; for 64 x 64."""
    plan = ((1, 8, 3, 1), (6, 12, 3, 2), (6, 12, 3, 1), (6, 16, 5, 2), (6, 16, 5, 1), (6, 24, 3, 2))
    layers: list[nn.Module] = [ConvNorm(3, 8, 3, 2, activation=nn.SiLU)]
    before = 8
    for times, after, kernel, stride in plan:
        gate = SqueezeExcite(before * times, max(2, before // 4), nn.SiLU)
        layers.append(Inverted(before, before * times, after, kernel, stride, nn.SiLU, gate))
        before = after
    return nn.Sequential(*layers, ConvNorm(before, 64, 1, activation=nn.SiLU), GlobalHead(64, CLASSES))
