"""Content and style of an image as distances to those of others: Gatys et al. 2016, equations 1 to 5."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from viz.core.readings import Constant, Reading

_TINY = 1e-12


@dataclass(frozen=True)
class ContentDistance(Reading):
    """Minus the squared distance of a layer's values to `reference` (1, …): relative to its square, or half of it.

    `paper`: eq. 1. Relative: 0 for the image itself, 1 for a layer of zeros, whatever the network.
    """

    reference: Constant
    paper: bool = False

    def read(self, values: Mapping[str, Any]) -> Any:
        """See `Reading.read`."""
        layer = values[self.layer]
        reference = self.reference.like(layer)
        squared = ((layer - reference) ** 2).flatten(1).sum(1)
        return -squared / 2 if self.paper else -squared / ((reference**2).sum() + _TINY)


@dataclass(frozen=True)
class StyleDistance(Reading):
    """Minus the squared distance of a layer's Gram matrix to `gram` (c, c), both divided by their positions.

    `paper`: eq. 4, with a quarter of it over the square of the number of channels. Relative: as for the content.
    """

    gram: Constant
    paper: bool = False

    def read(self, values: Mapping[str, Any]) -> Any:
        """See `Reading.read`."""
        found = gram_matrix(values[self.layer])
        wanted = self.gram.like(found)
        squared = ((found - wanted) ** 2).flatten(1).sum(1)
        channels = found.shape[1]
        return -squared / (4 * channels**2) if self.paper else -squared / ((wanted**2).sum() + _TINY)


def gram_matrix(values: Any) -> Any:
    """Which channels respond together, (b, c, c): their products, averaged over positions.

    From (b, c, h, w) or tokens (b, n, c). Eq. 3, divided by the number of positions as eq. 4 does.
    """
    features = values.swapaxes(1, 2) if values.ndim == 3 else values.reshape(len(values), values.shape[1], -1)
    return features @ features.swapaxes(1, 2) / features.shape[2]
