"""What Deep Dream drives up: how strongly a layer, a channel or a neuron responds, or how like a guide it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from viz.core.readings import Constant, Neuron, Reading

_AT_ONCE = 1 << 22  # products of positions that are compared at once: bounds the memory for early layers


@dataclass(frozen=True)
class Energy(Reading):
    """Half the mean square of a layer's values, or of one channel's: its gradient there is the values themselves.

    So what responds a little is made to respond more, and where all values are 0 nothing is. Source:
    Mordvintsev et al. 2015.
    """

    channel: int | None = None

    def read(self, values: Mapping[str, Any]) -> Any:
        """See `Reading.read`."""
        layer = values[self.layer]
        if self.channel is not None:
            layer = layer[:, :, self.channel] if layer.ndim == 3 else layer[:, self.channel]
        return (layer.reshape(len(layer), -1) ** 2).mean(1) / 2


@dataclass(frozen=True)
class NeuronEnergy(Reading):
    """Half the square of one neuron: a channel's value at row and column `at`."""

    channel: int
    at: tuple[int, int]

    def read(self, values: Mapping[str, Any]) -> Any:
        """See `Reading.read`."""
        return Neuron(self.layer, self.channel, self.at).read(values) ** 2 / 2


@dataclass(frozen=True)
class Guided(Reading):
    """How well a layer's positions match those of a guide image: each with the guide's position most like it.

    `guide` is (c, n): the guide's features. The mean over positions of the largest product with any of them;
    its gradient is that best match, so that every place becomes more like something in the guide.
    """

    guide: Constant

    def read(self, values: Mapping[str, Any]) -> Any:
        """See `Reading.read`; of tensors only."""
        layer = values[self.layer]
        features = layer.swapaxes(1, 2) if layer.ndim == 3 else layer.reshape(len(layer), layer.shape[1], -1)
        guide = self.guide.like(features)
        return (guide[:, _best(guide, features)].movedim(0, 1) * features).sum(1).mean(1)


def _best(guide: Tensor, features: Tensor) -> Tensor:
    """Which of the guide's positions each position of features (b, c, m) has the largest product with, (b, m)."""
    with torch.no_grad():
        some = max(1, _AT_ONCE // guide.shape[1])
        parts = [(guide.T @ part).argmax(1) for part in torch.split(features, some, dim=2)]
        return torch.cat(parts, dim=1)
