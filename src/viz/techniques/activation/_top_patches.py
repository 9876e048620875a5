"""The best patches of every channel: a list of fixed length, which can be merged with another."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.core.surveying import State
from viz.techniques.activation._patch_places import NOWHERE

Array = NDArray[Any]
NO_IMAGE = -1


@dataclass(frozen=True)
class TopPatches:
    """For each of c channels, n photos, best first, and up to p patches of each.

    A photo is better if its `rank` is higher, or with the same rank its `tie`, or else if its image comes first.
    Photos are told apart by `key`, their fingerprint: of several images with the same one only the best is here.

    Merging is exact: the best n keys of all images, each with its best image, do not depend on how these were
    split. Take a key among the best n of all, and its best image. In the part that has this image, it is the key's
    best as well, and the keys before it there are before it among all, so that they are fewer than n: it was kept.
    What a merge finds besides is other images of kept keys, which are worse, and other keys, whose best image is
    behind the n kept ones, so that any image of theirs is: none of them displaces any.

    Where patches are ranked by their own value, the best n patches of all images are in the photos kept: before a
    patch of a further photo come the first ones of n others.

    Attributes:
        rank: (c, n) float32, what photos are ranked by; -inf where there is none.
        tie: (c, n) float32, what decides between equal ranks: there are many where responses are cut off (ReLU6).
        image: (c, n) int64.
        key: (c, n) uint64.
        value: (c, n, p) float32, the response at each patch's place; -inf where there is none.
        place: (c, n, p) int32, a flat index of positions.
        heat: (c, n, p, side, side) uint8, the responses around it.
    """

    rank: Array
    tie: Array
    image: Array
    key: Array
    value: Array
    place: Array
    heat: Array

    @classmethod
    def empty(cls, channels: int, photos: int, patches: int, side: int) -> "TopPatches":
        """No photo."""
        shape = (channels, photos)
        return cls(
            np.full(shape, -np.inf, np.float32),
            np.zeros(shape, np.float32),
            np.full(shape, NO_IMAGE, np.int64),
            np.zeros(shape, np.uint64),
            np.full((*shape, patches), -np.inf, np.float32),
            np.full((*shape, patches), NOWHERE, np.int32),
            np.zeros((*shape, patches, side, side), np.uint8),
        )

    @classmethod
    def from_state(cls, state: State, name: str) -> "TopPatches":
        """The one that `to_state` put into a state under this name."""
        return cls(**{field.name: state[f"{name}.{field.name}"] for field in fields(cls)})

    def to_state(self, name: str) -> Mapping[str, Array]:
        """Its arrays by name."""
        return {f"{name}.{field.name}": getattr(self, field.name) for field in fields(self)}

    @property
    def photos(self) -> int:
        """How many photos each channel has room for."""
        return int(self.rank.shape[1])

    def entering(self, ranks: Array, ties: Array, images: Array) -> NDArray[np.bool_]:
        """Which of b images (b,) with ranks and ties (b, c) come before a channel's last photo, (b, c).

        No other can ever be among the best: the last photo only gets better.
        """
        last, tie, image = self.rank[:, -1], self.tie[:, -1], self.image[:, -1]
        decided = (ties > tie) | ((ties == tie) & (images[:, None] < image))
        found: NDArray[np.bool_] = (ranks > last) | ((ranks == last) & decided)
        return found

    def merged(self, other: "TopPatches") -> "TopPatches":
        """The best of both."""
        return _best(self, other)

    def with_entries(self, channels: Array, entries: "TopPatches") -> "TopPatches":
        """With m entries, of one photo each, of the channels (m,), which are in order."""
        if not len(channels):
            return self
        changed, lists = _by_channel(channels, entries, self)
        if len(changed) == len(self.rank):
            return _best(self, lists)
        better = _best(self._of(changed), lists)
        return TopPatches(*(_put(mine, changed, new) for mine, new in _pairs(self, better)))

    def _of(self, channels: Array) -> "TopPatches":
        return TopPatches(*(getattr(self, field.name)[channels] for field in fields(self)))


def _put(array: Array, rows: Array, values: Array) -> Array:
    copy = array.copy()
    copy[rows] = values
    return copy


def _pairs(left: TopPatches, right: TopPatches) -> list[tuple[Array, Array]]:
    return [(getattr(left, field.name), getattr(right, field.name)) for field in fields(TopPatches)]


def _by_channel(channels: Array, entries: TopPatches, like: TopPatches) -> tuple[Array, TopPatches]:
    """The channels that have entries, and their entries as lists of one length."""
    changed, first, counts = np.unique(channels, return_index=True, return_counts=True)
    room = TopPatches.empty(len(changed), int(counts.max()), like.value.shape[2], like.heat.shape[-1])
    row = np.repeat(np.arange(len(changed)), counts)
    column = np.arange(len(channels)) - np.repeat(first, counts)
    for place, values in _pairs(room, entries):
        place[row, column] = values[:, 0]
    return changed, room


def _best(left: TopPatches, right: TopPatches) -> TopPatches:
    """The best photos of each channel's two lists, as many as the left one has room for, each key once.

    They are best first; what is none is all the same.
    """
    chosen, none = _chosen(left, right)
    empty = TopPatches.empty(1, 1, left.value.shape[2], left.heat.shape[-1])
    taken = [_taken(mine, theirs, chosen) for mine, theirs in _pairs(left, right)]
    for field, array in zip(fields(TopPatches), taken, strict=True):
        array[none] = getattr(empty, field.name)[0, 0]
    return TopPatches(*taken)


def _chosen(left: TopPatches, right: TopPatches) -> tuple[Array, NDArray[np.bool_]]:
    """Places in each channel's lists, the right one's after the left one's, (c, photos), and where there is none."""
    names = ("rank", "tie", "image", "key")
    rank, tie, image, key = (np.concatenate([getattr(left, n), getattr(right, n)], axis=1) for n in names)
    order = np.lexsort((image, -tie, -rank), axis=-1)
    repeated = _repeated(np.take_along_axis(key, order, axis=1))
    gone = repeated | np.isneginf(np.take_along_axis(rank, order, axis=1))
    kept_first = np.argsort(gone, axis=1, kind="stable")[:, : left.photos]
    return np.take_along_axis(order, kept_first, axis=1), np.take_along_axis(gone, kept_first, axis=1)


def _taken(left: Array, right: Array, chosen: Array) -> Array:
    """What is chosen of two lists; putting them together first would copy all heats to take a part."""
    count = left.shape[1]
    rows = np.arange(len(chosen))[:, None]
    found = left[rows, np.minimum(chosen, count - 1)]
    row, column = np.nonzero(chosen >= count)
    found[row, column] = right[row, chosen[row, column] - count]
    return np.asarray(found)


def _repeated(keys: Array) -> NDArray[np.bool_]:
    """Which keys of each row (c, n) have been there before."""
    order = np.argsort(keys, axis=1, kind="stable")
    in_order = np.take_along_axis(keys, order, axis=1)
    found = np.zeros(keys.shape, bool)
    np.put_along_axis(found, order[:, 1:], in_order[:, 1:] == in_order[:, :-1], axis=1)
    return found
