"""Which of the patches kept for a channel are shown: the best ones, near copies of a photo once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viz.techniques.activation._patch_places import NOWHERE
from viz.techniques.activation._top_patches import NO_IMAGE, Array, TopPatches

_NEAR = 4  # bits of 64 in which the fingerprints of a photo and of its copy may differ


@dataclass(frozen=True)
class Shown:
    """For each of c channels, up to k patches.

    Attributes:
        photo, patch: (c, k), where they are in the lists of `TopPatches`.
        there: (c, k), False for what only fills up.
        duplicates: (c,), better photos than the last shown one that were left out as near copies.
    """

    photo: Array
    patch: Array
    there: NDArray[np.bool_]
    duplicates: NDArray[np.int64]


def shown_patches(top: TopPatches, count: int, rank: str, copies: bool) -> Shown:
    """The best patches, best first. By their own value where `rank` is "max", else in the order of their photos.

    What does not speak for the channel (value, or relevance, of zero and below) is left out, unless all is below
    zero. `copies` keeps near copies.
    """
    is_copy = np.zeros(top.rank.shape, bool) if copies else near_copies(top)
    good = (top.place != NOWHERE) & ~is_copy[:, :, None] & _speaks(top, rank)
    shape = good.shape
    flat = good.reshape(len(good), -1)
    order = _order(top, flat, rank)[:, :count]
    there = np.take_along_axis(flat, order, axis=1)
    photo, patch = np.divmod(order, shape[2])
    last = np.where(there, photo, -1).max(axis=1, initial=-1)
    before = np.arange(shape[1])[None, :] < last[:, None]
    return Shown(photo, patch, there, (is_copy & before).sum(axis=1))


def near_copies(top: TopPatches) -> NDArray[np.bool_]:
    """Which photos (c, n) differ in at most 4 bits of 64 from a better one that is no such copy itself."""
    copies = np.zeros(top.key.shape, bool)
    for index in range(1, top.photos):
        near = _differing(top.key[:, :index], top.key[:, index, None]) <= _NEAR
        copies[:, index] = (near & ~copies[:, :index]).any(axis=1)
    return np.asarray(copies & (top.image != NO_IMAGE))


def _differing(left: Array, right: Array) -> Array:
    """In how many bits of 64."""
    each = np.ascontiguousarray(left ^ right)[..., None].view(np.uint8)
    return np.asarray(np.unpackbits(each, axis=-1).sum(axis=-1))


def _speaks(top: TopPatches, rank: str) -> NDArray[np.bool_]:
    strength = np.broadcast_to(top.rank[:, :, None], top.value.shape) if rank == "relevance" else top.value
    best = strength.max(axis=(1, 2), keepdims=True)
    found: NDArray[np.bool_] = (strength > 0) | (best < 0)
    return found


def _order(top: TopPatches, good: NDArray[np.bool_], rank: str) -> Array:
    """Indices that put the good ones first, best first."""
    if rank != "max":
        return np.argsort(~good, axis=1, kind="stable")
    image, tie = (np.broadcast_to(one[:, :, None], top.value.shape) for one in (top.image, top.tie))
    keys = (top.place, image, -tie, -top.value)
    return np.lexsort((*(key.reshape(good.shape) for key in keys), ~good), axis=-1)
