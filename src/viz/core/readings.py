"""Readings: one number per image from a model's tensors, of numpy arrays and torch tensors alike.

A reading never imports torch: tensors bring their own arithmetic, and with it their gradient.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from viz.core.adapter import Squash, per_image, probabilities
from viz.core.errors import UsageError
from viz.core.result import FloatArray

_TINY = 1e-12  # keeps the similarity of an embedding of zeros at 0


@dataclass(frozen=True)
class Reading(ABC):
    """What is read from one layer."""

    layer: str

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the tensors that `read` needs."""
        return (self.layer,)

    @abstractmethod
    def read(self, values: Mapping[str, Any]) -> Any:
        """One number per image, (b,), from tensors by name, each (b, …).

        Raises `UsageError` where the tensor has no such place.
        """


@dataclass(frozen=True)
class Constant:
    """An array that belongs to a reading; equal and hashed by its content, unlike numpy's own."""

    shape: tuple[int, ...]
    content: bytes = field(repr=False)

    @classmethod
    def of(cls, array: FloatArray) -> "Constant":
        """A float32 copy of `array`."""
        return cls(tuple(array.shape), np.ascontiguousarray(array, np.float32).tobytes())

    def like(self, values: Any) -> Any:
        """The array, as a tensor on the device of `values` where those are tensors."""
        array = np.frombuffer(self.content, np.float32).reshape(self.shape)
        return array if isinstance(values, np.ndarray) else values.new_tensor(array.copy())


@dataclass(frozen=True)
class ClassScore(Reading):
    """A class's score in a tensor (b, classes) or (b, classes, 1, …), as it is or through a softmax."""

    index: int
    squash: Squash = "none"

    def read(self, values: Mapping[str, Any]) -> Any:
        """See `Reading.read`."""
        return squashed(per_image(values[self.layer]), self.squash)[:, self.index]


@dataclass(frozen=True)
class Neuron(Reading):
    """A channel of (b, c), (b, c, h, w) or tokens (b, n, c): its mean over positions, or its value `at` (y, x)."""

    channel: int
    at: tuple[int, int] | None = None

    def read(self, values: Mapping[str, Any]) -> Any:
        """See `Reading.read`."""
        layer = values[self.layer]
        try:
            # Tokens count as one row of positions.
            found = layer[:, None, :, self.channel] if layer.ndim == 3 else layer[:, self.channel]
            if self.at is not None:
                found = found[:, self.at[0], self.at[1]]
        except IndexError:
            place = f":{self.channel}" + (f"@{self.at[0]},{self.at[1]}" if self.at else "")
            raise UsageError(f"{self.layer} is {tuple(layer.shape[1:])} per image and has no {place}") from None
        return found.reshape(len(found), -1).mean(axis=1)


@dataclass(frozen=True)
class LayerNorm(Reading):
    """The L2 norm of a whole layer: the square root of the sum of squares of all its values for one image.

    Its ascent direction is that of half the squared norm, which DeepDream drives up (Mordvintsev et al. 2015).
    Where all values are 0, its gradient is taken to be 0.
    """

    def read(self, values: Mapping[str, Any]) -> Any:
        """See `Reading.read`."""
        return _length(values[self.layer].reshape(len(values[self.layer]), -1))


@dataclass(frozen=True)
class RegionScore(Reading):
    """A class's scores in a tensor (b, classes, h, w), summed with the weights (h, w) of a region.

    Weights that sum to 1 give the mean over the region. `channels_last`: the tensor is (b, h, w, classes).
    """

    channel: int
    weights: Constant
    channels_last: bool = False
    squash: Squash = "none"

    def read(self, values: Mapping[str, Any]) -> Any:
        """See `Reading.read`."""
        maps = squashed(planes(values[self.layer], self.channels_last), self.squash)
        found = maps[:, self.channel]
        if tuple(found.shape[1:]) != self.weights.shape:
            raise UsageError(f"{self.layer} is {tuple(found.shape[1:])} here; the region is of {self.weights.shape}")
        return (found * self.weights.like(found)).reshape(len(found), -1).sum(axis=1)


@dataclass(frozen=True)
class BoxScore(Reading):
    """The product of a box's `channels` in a tensor (b, boxes, channels): class score, and objectness if there is one.

    The box stays the same, whatever the image becomes. `boxes_last`: the tensor is (b, channels, boxes).
    """

    box: int
    channels: tuple[int, ...]
    boxes_last: bool = False
    squash: Squash = "none"

    def read(self, values: Mapping[str, Any]) -> Any:
        """See `Reading.read`."""
        table = values[self.layer]
        rows = table.swapaxes(1, 2) if self.boxes_last else table
        if self.box >= rows.shape[1]:
            raise UsageError(f"{self.layer} has {rows.shape[1]} boxes for this image and no box {self.box}")
        row = squashed(rows[:, self.box], self.squash)
        score = row[:, self.channels[0]]
        for channel in self.channels[1:]:
            score = score * row[:, channel]
        return score


@dataclass(frozen=True)
class Similarity(Reading):
    """The cosine of the angle between a layer's embedding of the image and another image's, in [-1, 1].

    The embedding is the layer's values, averaged over positions where it has any; `to` has length 1.
    """

    to: Constant

    def read(self, values: Mapping[str, Any]) -> Any:
        """See `Reading.read`."""
        found = embedding(values[self.layer])
        return (found * self.to.like(found)).sum(axis=1) / (_length(found) + _TINY)


@dataclass(frozen=True)
class Direction(Reading):
    """The component of a layer along a direction (c,) of its channels: their products' sum, averaged over positions.

    `along` has length 1, so that a direction with a single 1 is that channel.
    """

    along: Constant

    def read(self, values: Mapping[str, Any]) -> Any:
        """See `Reading.read`."""
        found = embedding(values[self.layer])
        if tuple(found.shape[1:]) != self.along.shape:
            channels, numbers = found.shape[1], self.along.shape[0]
            raise UsageError(f"{self.layer} has {channels} channels here, and the direction {numbers} numbers")
        return (found * self.along.like(found)).sum(axis=1)


def embedding(values: Any) -> Any:
    """(b, c) as it is, (b, c, h, w) and tokens (b, n, c) averaged over positions: one vector per image."""
    if values.ndim == 3:
        return values.mean(axis=1)
    flat = values.reshape(len(values), values.shape[1] if values.ndim > 1 else 1, -1)
    return flat.mean(axis=2)


def planes(values: Any, channels_last: bool) -> Any:
    """(b, c, h, w) from itself or from (b, h, w, c)."""
    return values.swapaxes(1, 3).swapaxes(2, 3) if channels_last else values


def squashed(values: Any, squash: Squash) -> Any:
    """Scores (b, classes, …) as probabilities over axis 1; for torch tensors the same function with its gradient."""
    if squash == "none":
        return values
    if isinstance(values, np.ndarray):
        return probabilities(values, squash)
    wide = values.double()  # as in numpy: float32 rounds probabilities near 1 to 1
    squashes = {"softmax": lambda x: x.softmax(dim=1), "sigmoid": lambda x: x.sigmoid(), "exp": lambda x: x.exp()}
    return squashes[squash](wide).to(values.dtype)


def _length(rows: Any) -> Any:
    """The L2 norm of each row of (b, n), (b,)."""
    return np.linalg.norm(rows, axis=1) if isinstance(rows, np.ndarray) else rows.norm(dim=1)
