"""Gradients at noisy copies of an image, summed as they come: memory does not grow with their number."""

from dataclasses import dataclass

import numpy as np

from viz.core.adapter import Adapter
from viz.core.batching import worth_at_once
from viz.core.gradients import input_gradients
from viz.core.result import FloatArray
from viz.core.target import Target


@dataclass(frozen=True)
class NoisyGradients:
    """Mean and variance (3, h, w) of the gradient over the copies; the variance is that of the sample (n)."""

    mean: FloatArray
    variance: FloatArray
    straight_through: tuple[str, ...]


def noisy_gradients(
    model: Adapter, image: FloatArray, target: Target, samples: int, noise: float, seed: int
) -> NoisyGradients:
    """Gradients at `image` (3, h, w) plus Gaussian noise of `noise` times its range of values.

    The copies are not clipped to [0, 1]: cut-off noise would no longer have mean zero. The noise depends
    on the seed only, so that every image of a run gets the same.
    """
    random = np.random.default_rng(seed)
    sigma = noise * float(np.ptp(image))
    total, squares = np.zeros(image.shape), np.zeros(image.shape)
    passed: tuple[str, ...] = ()
    for start in range(0, samples, worth_at_once(model)):
        count = min(worth_at_once(model), samples - start)
        copies = image + sigma * random.standard_normal((count, *image.shape), np.float32)
        found = input_gradients(model, copies.astype(np.float32), [target] * count)
        total += found.pixels.sum(axis=0, dtype=np.float64)
        squares += (found.pixels.astype(np.float64) ** 2).sum(axis=0)
        passed = found.straight_through
    mean = total / samples
    variance = np.maximum(squares / samples - mean**2, 0)
    return NoisyGradients(mean.astype(np.float32), variance.astype(np.float32), passed)
