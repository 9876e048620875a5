"""What Deep Dream drives up: how strongly a layer, a channel or a neuron responds, or how like a guide it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from viz.core.readings import Constant, Reading


@dataclass(frozen=True)
class Energy(Reading):
    """Half the mean square of a layer's values (Mordvintsev et al. 2015: the gradient there is the activation itself).

    Of a `channel` only, where one is named: then `zero` values have no gradient, as for the whole layer.
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
    """Half the square of one neuron, at row and column `at` of a channel (b, c, h, w)."""

    channel: int
    at: tuple[int, int]

    def read(self, values: Mapping[str, Any]) -> Any:
        """See `Reading.read`."""
        return values[self.layer][:, self.channel, self.at[0], self.at[1]] ** 2 / 2


@dataclass(frozen=True)
class Guided(Reading):
    """How well a layer's positions match those of a guide image: each with the guide's position most like it.

    `guide` is (c, n): the guide's features. The mean over positions of the largest product with any of them;
    its gradient is that best match, so that every place becomes more like something in the guide.
    """

    guide: Constant

    def read(self, values: Mapping[str, Any]) -> Any:
        """See `Reading.read`."""
        layer = values[self.layer]
        features = layer.swapaxes(1, 2) if layer.ndim == 3 else layer.reshape(len(layer), layer.shape[1], -1)
        products = self.guide.like(features).T @ features  # (b, guide's positions, positions)
        return products.max(dim=1).values.mean(dim=1)
