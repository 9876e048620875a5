"""Models and photos for tests of attacks, small enough to know the answers."""

from collections.abc import Sequence

import numpy as np
import torch

from tests.fakes import LinearModel
from viz.core.images import Photo
from viz.core.making import GivenPhoto, Watch
from viz.techniques._photo_fit import PhotoFit
from viz.techniques.attack._attack import Goal, Victim
from viz.techniques.attack.fool import Fool

SIZE = (10, 12)


class Photos(Sequence):
    """Photos in memory, called 0.png, 1.png, …"""

    def __init__(self, pixels, truth=None):
        self._pixels, self._truth = list(pixels), truth
        self.names = [f"{i}.png" for i in range(len(self._pixels))]

    def __len__(self):
        return len(self._pixels)

    def __getitem__(self, index):
        return GivenPhoto(self.names[index], Photo(self._pixels[index], "0"), self._truth)


def linear(classes=2, seed=0, size=SIZE, **options) -> LinearModel:
    weights = np.random.default_rng(seed).normal(size=(classes, 3, *size))
    return LinearModel(weights, names=[f"c{i}" for i in range(classes)], **options)


def gray_pictures(count=3, seed=1, size=SIZE) -> torch.Tensor:
    """Around the middle, so that a small perturbation meets neither black nor white."""
    return torch.from_numpy(np.random.default_rng(seed).uniform(0.35, 0.65, (count, 3, *size)).astype(np.float32))


def gray_photos(count=3, seed=1, size=SIZE) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(90, 166, (count, *size, 3), dtype=np.uint8))


def victim_of(model, size=SIZE) -> Victim:
    return Victim(model, PhotoFit(size, model.preprocess))


def other_class(model, pictures) -> Goal:
    """Towards the class with the lowest score, for each picture."""
    scores = torch.from_numpy(model.run(pictures.numpy(), ["scores"])["scores"])
    return Goal(scores.argmin(1), torch.ones(len(pictures), dtype=torch.bool))


def last(steps):
    """What an attack ends with."""
    *_, found = steps
    return found


def fooled(model, photos, watch=None, **options):
    """All pictures of a run of `viz fool`, in order."""
    technique, watch = Fool(**options), watch or Watch()
    given = Photos(photos) if isinstance(photos, list) else photos
    made = []
    for group in technique.pieces(model, given):
        made += technique(model, group, [given[piece.photo] for piece in group], given, watch)
    return made
