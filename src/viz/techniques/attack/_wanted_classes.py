"""What `--target` asks of `viz fool`: a class, one that follows from the photo, or just any other."""

import re
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from viz.core.adapter import Adapter
from viz.core.errors import ImageError, UsageError
from viz.core.making import GivenPhoto
from viz.core.target.classes import scores_of

_OF_THE_PHOTO = ("least-likely", "random", "label", "untargeted")
_RANGE = re.compile(r"(\d+)-(\d+)")
_RANK = re.compile(r"top(\d+)")


def checked(texts: Sequence[str], model: Adapter) -> list[str]:
    """The targets one by one, without repetition: `5-7` is 5, 6 and 7. Raises `UsageError` for what cannot be."""
    found = [one for text in texts for one in _one_by_one(text.strip(), model)]
    return list(dict.fromkeys(found))


def wanted_class(text: str, model: Adapter, order: NDArray[np.intp], photo: GivenPhoto, seed: int) -> int | None:
    """The class that a photo shall be taken for; None for any but its own. `order` is its classes by falling score.

    Raises `ImageError` for `label` where the photo's is not known.
    """
    if text == "untargeted":
        return None
    if text == "least-likely":
        return int(order[-1])
    if text == "random":
        drawn = np.random.default_rng(piece_seed(seed, photo.name)).integers(1, len(order))
        return int(order[drawn])
    if rank := _RANK.fullmatch(text):
        return int(order[int(rank[1]) - 1])
    if text == "label":
        if photo.truth is None:
            raise ImageError(f"{photo.name} has no label", "name another --target")
        text = photo.truth
    return model.labels.index(text, len(order))


def noise_classes(texts: Sequence[str], model: Adapter, seed: int) -> list[int]:
    """The classes to make from noise: named, `random`, or `all`. Raises `UsageError`."""
    count = scores_of(model).classes
    if "all" in texts:
        return list(range(count))
    drawn = int(np.random.default_rng(seed).integers(count))
    named = checked(texts, model)
    if wrong := [text for text in named if text != "random" and (text in _OF_THE_PHOTO or _RANK.fullmatch(text))]:
        raise UsageError(f"--target {wrong[0]} follows from a photo, and noise has none", "name a class, random or all")
    return list(dict.fromkeys(drawn if text == "random" else model.labels.index(text, count) for text in named))


def piece_seed(seed: int, name: str) -> int:
    """A seed for one picture that does not depend on which others there are."""
    return zlib.crc32(f"{seed} {name}".encode())


def _one_by_one(text: str, model: Adapter) -> list[str]:
    classes = scores_of(model).classes
    if bounds := _RANGE.fullmatch(text):
        first, last = sorted((int(bounds[1]), int(bounds[2])))
        model.labels.index(str(last), classes)
        return [str(index) for index in range(first, last + 1)]
    if rank := _RANK.fullmatch(text):
        if not 1 <= int(rank[1]) <= classes:
            raise UsageError(f"--target {text}: the model has {classes} classes", f"top1 to top{classes}")
    elif text not in _OF_THE_PHOTO:
        model.labels.index(text, classes)
    return [text]
