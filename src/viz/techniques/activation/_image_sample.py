"""A random sample of the images, the same whatever order they come in, with their channels' largest responses."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SIZE = 512
_NO_IMAGE = np.uint64(0xFFFFFFFFFFFFFFFF)  # its number is drawn by no image that can be reached


def drawn(images: Array) -> NDArray[np.uint64]:
    """A number for each image's index, as if drawn at random: those with the lowest ones are the sample.

    No two images have the same. Source: the finalizer of SplitMix64 (Steele, Lea & Flood 2014, figure 16).
    """
    z = images.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return found


def no_sample(channels: int) -> tuple[Array, Array]:
    """The numbers of no image (512,), and their responses (512, c)."""
    return np.full(SIZE, _NO_IMAGE, np.uint64), np.zeros((SIZE, channels), np.float32)


def merged_samples(left: tuple[Array, Array], right: tuple[Array, Array]) -> tuple[Array, Array]:
    """The 512 images with the lowest numbers of both, in this order; the left one itself where nothing changes."""
    if not len(right[0]) or right[0].min() > left[0][-1]:
        return left
    numbers = np.concatenate([left[0], right[0]])
    order = np.argsort(numbers, kind="stable")[:SIZE]
    return numbers[order], np.concatenate([left[1], right[1]])[order]


def sampled(sample: tuple[Array, Array]) -> Array:
    """The responses (n, c) of the images that are in a sample."""
    return np.asarray(sample[1][sample[0] != _NO_IMAGE])
