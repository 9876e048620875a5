"""A layer's filters as they are drawn: in pixel colours where they look at the image, of length 1, with their norms."""

from dataclasses import dataclass

import numpy as np

from viz.core.kernel import Kernel
from viz.core.result import FloatArray


@dataclass(frozen=True)
class FilterSet:
    """The filters of one kernel.

    Attributes:
        kernel: what they are from.
        weights, bias: (n, inputs / groups, rows, columns) and (n,), with the normalization where it was folded in.
        seen: (n, c, rows, columns): `weights`, or, on the image, what they weigh the pixel's three colours with.
        norms: (n,): the length of each of `seen`.
        factors: (n,): what the normalization multiplies the layer's values by; 1 where none was folded in.
        folded: whether one was.
    """

    kernel: Kernel
    weights: FloatArray
    bias: FloatArray
    seen: FloatArray
    norms: FloatArray
    factors: FloatArray
    folded: bool

    @property
    def units(self) -> FloatArray:
        """`seen` at length 1: of all inputs of that length, those that excite the units most; zero where it is zero."""
        lengths = np.where(self.norms > 0, self.norms, 1)[:, None, None, None]
        found: FloatArray = (self.seen / lengths).astype(np.float32)
        return found

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.seen.shape[2], self.seen.shape[3]

    def inputs_of(self, number: int) -> slice:
        """Which input channels the filter looks at; on the image all three colours."""
        if self.kernel.on_image:
            return slice(0, 3)
        each = self.weights.shape[1]
        first = number * self.kernel.groups // len(self.weights) * each
        return slice(first, first + each)


def filter_set(kernel: Kernel, fold_norm: bool) -> FilterSet:
    """The kernel's filters, with the batch normalization that follows folded in where asked, and where there is one."""
    folded = fold_norm and kernel.norm is not None
    factors = kernel.norm[0] if folded and kernel.norm is not None else np.ones(len(kernel.weights), np.float32)
    weights = kernel.weights * factors[:, None, None, None]
    seen = _in_pixel_colours(kernel, weights) if kernel.on_image else weights
    norms = np.sqrt(np.square(seen, dtype=np.float64).sum((1, 2, 3))).astype(np.float32)
    shift = kernel.norm[1] if folded and kernel.norm is not None else np.float32(0)
    return FilterSet(kernel, weights, kernel.bias * factors + shift, seen, norms, factors, folded)


def _in_pixel_colours(kernel: Kernel, weights: FloatArray) -> FloatArray:
    """w_pixel = sum over inputs of w * the input's weights of red, green and blue: (n, 3, rows, columns)."""
    assert kernel.image_weights is not None, "a kernel on the image says how its inputs follow from it"
    groups = kernel.groups
    mixes = kernel.image_weights.astype(np.float64).reshape(groups, -1, 3)
    parts = weights.astype(np.float64).reshape(groups, -1, *weights.shape[1:])
    found: FloatArray = np.einsum("goiyx,gic->gocyx", parts, mixes).reshape(len(weights), 3, *weights.shape[2:])
    return found.astype(np.float32)
