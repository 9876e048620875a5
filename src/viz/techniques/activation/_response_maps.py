"""A layer's responses to a few images: how strong, where, and around there."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viz.core.result import FloatArray
from viz.techniques.activation._layer_plans import LayerPlan

IntArray = NDArray[np.int64]
Indices = NDArray[np.intp]

_PIECE = 1024  # positions that are summed one by one, before the sums of pieces are added


@dataclass(frozen=True)
class ResponseMaps:
    """Responses (b, c, positions), or (b, positions, c) where the model has them in this order: nothing is copied.

    They are as the model gives them: less `zero` they are what they stand for, and that is what the methods give.
    """

    values: FloatArray
    channels_last: bool
    size: tuple[int, int]
    zero: np.float32

    def peaks(self) -> FloatArray:
        """The largest response of each image and channel, (b, c)."""
        # Adding zero makes -0 to 0: which of the two a maximum gives depends on the order.
        found: FloatArray = self.values.max(axis=self._axis) - self.zero + np.float32(0)
        return found

    def means(self) -> NDArray[np.float64]:
        """The mean response of each image and channel over the positions, (b, c)."""
        found: NDArray[np.float64] = self._added() / self.values.shape[self._axis] - float(self.zero)
        return found

    def sums(self) -> NDArray[np.float64]:
        """The sum of the responses of each image and channel over the positions, (b, c)."""
        return np.asarray(self.means() * self.values.shape[self._axis])

    def above_zero(self) -> IntArray:
        """At how many positions each image and channel has a response above zero, (b, c)."""
        above = (self.values > self.zero).view(np.int8)
        kind = np.int16 if self.values.shape[self._axis] < 1 << 15 else np.int64  # smaller numbers are added faster
        return np.asarray(np.add.reduce(above, axis=self._axis, dtype=kind), np.int64)

    def some(self, images: Indices, channels: Indices) -> FloatArray:
        """The maps of n pairs of an image and a channel, (n, rows, columns)."""
        chosen = self.values[images, :, channels] if self.channels_last else self.values[images, channels]
        if self.zero:
            chosen -= self.zero
        chosen += np.float32(0)
        return chosen.reshape(-1, *self.size)

    def _added(self) -> NDArray[np.float64]:
        if self.channels_last:
            return np.asarray(np.add.reduce(self.values, axis=1, dtype=np.float64))
        return np.asarray(_row_sums(self.values), np.float64)

    @property
    def _axis(self) -> int:
        return 1 if self.channels_last else 2


def _row_sums(values: FloatArray) -> FloatArray:
    """(b, c, positions) -> (b, c), summed piece by piece: about as exact as numpy's own sums, in half the time.

    Pieces have to be shorter than numpy's buffer of 8192 values: what it adds up across its end depends on the rows
    before.
    """
    count, channels, positions = values.shape
    whole = positions - positions % _PIECE
    pieces = values[:, :, :whole].reshape(count, channels, whole // _PIECE, _PIECE)
    rest: FloatArray = np.einsum("bcp->bc", values[:, :, whole:])
    return rest + np.add.reduce(np.einsum("bckp->bck", pieces), axis=2) if whole else rest


def response_maps(plan: LayerPlan, values: FloatArray, zero: float | None = None) -> ResponseMaps:
    """What a model gave for a layer (b, …), of the channels that are looked at.

    `zero` is for gradients, where it is 0 whatever stands for zero in the layer.
    """
    count = len(values)
    if not plan.channels_last:
        flat = values.reshape(count, plan.width, -1)
    elif plan.kind == "tokens":
        flat = values[:, plan.prefix :]
    else:
        flat = values.reshape(count, -1, plan.width)
    chosen = _chosen(plan)
    kept = flat[..., chosen] if plan.channels_last else flat[:, chosen]
    return ResponseMaps(kept, plan.channels_last, plan.positions, np.float32(plan.zero if zero is None else zero))


def _chosen(plan: LayerPlan) -> slice | list[int]:
    """The channels as a slice where they are without gaps: numpy copies nothing then."""
    first, last = plan.channels[0], plan.channels[-1]
    return slice(first, last + 1) if len(plan.channels) == last - first + 1 else list(plan.channels)
