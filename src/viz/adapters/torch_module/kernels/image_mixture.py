"""Whether a tensor is the image, each channel a weighted sum of its pixel's colours: found by its values."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from viz.core.result import FloatArray

# Relative to the largest value: rounding of the model's own number format, and nothing else.
_TOLERANCE = {torch.float64: 1e-5, torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 2e-2}


@dataclass(frozen=True)
class Mixture:
    """channels = weights @ RGB + offset, at every position: weights (channels, 3), offset (channels,)."""

    weights: FloatArray
    offset: FloatArray
    tolerance: float

    def agrees_with(self, other: "Mixture") -> bool:
        """Whether the other is the same, to rounding."""
        if self.weights.shape != other.weights.shape:
            return False
        largest = max(np.abs(self.weights).max(), np.abs(self.offset).max())
        pairs = ((self.weights, other.weights), (self.offset, other.offset))
        return all(bool(np.abs(a - b).max() <= 10 * self.tolerance * largest) for a, b in pairs)


def mixture(values: Tensor, images: FloatArray) -> Mixture | None:
    """How values (b, channels, h, w) follow from the pixels of noise images (b, 3, h, w); None where they do not.

    Four numbers for each channel are fitted to all its values, so that nothing else can pass for it.
    """
    if values.ndim != 4 or len(values) != len(images) or values.shape[2:] != images.shape[2:]:
        return None
    channels = values.shape[1]
    target = values.detach().to("cpu", torch.float64).numpy().transpose(1, 0, 2, 3).reshape(channels, -1)
    pixels = images.astype(np.float64).transpose(1, 0, 2, 3).reshape(3, -1)
    known = np.concatenate([pixels, np.ones((1, pixels.shape[1]))])
    found = np.linalg.lstsq(known @ known.T, known @ target.T, rcond=None)[0].T
    error = np.abs(found @ known - target).max()
    tolerance = _TOLERANCE.get(values.dtype, 1e-5)
    if not error <= tolerance * max(1e-30, np.abs(target).max()):
        return None
    found[np.abs(found) < 1e-6 * np.abs(found).max()] = 0  # the rounding of what is not there
    return Mixture(found[:, :3].astype(np.float32), found[:, 3].astype(np.float32), tolerance)
