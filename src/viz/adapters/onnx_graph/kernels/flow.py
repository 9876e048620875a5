"""Whose channels a tensor has, one to one, and what has been done to each of them since."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

IMAGE = ""  # the origin of tensors that are still the image itself; no layer has this name


@dataclass(frozen=True)
class Flow:
    """A tensor whose channels, along `axis`, are those of `origin`.

    Where each channel was at most scaled and shifted since, value = weights @ origin + offset at every position:
    `weights` are (channels, 3) of the image's RGB pixels, (channels, 1) of the same channel of a layer, and `offset`
    is (channels,); a first axis of 1 stands for all channels. Both are None where anything else was done.
    """

    origin: str
    axis: int
    weights: NDArray[Any] | None
    offset: NDArray[Any] | None

    def scaled(self, scale: NDArray[Any], shift: NDArray[Any]) -> "Flow":
        """Each channel times its `scale`, plus its `shift`; both (channels,) or (1,)."""
        if self.weights is None or self.offset is None:
            return self
        return replace(self, weights=self.weights * scale[:, None], offset=self.offset * scale + shift)

    def changed(self) -> "Flow":
        """The same channels with other values: an activation, a pooling."""
        return replace(self, weights=None, offset=None)

    def along(self, axis: int | None) -> "Flow | None":
        """With the channels along another axis; None for no axis."""
        return None if axis is None else replace(self, axis=axis)


def own(layer: str, axis: int) -> Flow:
    """A tensor with channels of its own."""
    return Flow(layer, axis, np.ones((1, 1)), np.zeros(1))
