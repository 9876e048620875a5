"""Colours as they go together in photographs: three planes that are independent there, and back to RGB."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from viz.core.preprocess import GRAY_WEIGHTS
from viz.core.result import FloatArray

EDGE = 0.01  # where a picture that is to be the sigmoid of something is clipped: black would be minus infinity
NATURAL_IMAGES = Path(__file__).parent / "statistics" / "natural_images.npz"


@dataclass(frozen=True)
class Colours:
    """How the logits log(p / (1 - p)) of a photograph's RGB values p are distributed.

    Attributes:
        mean: (3,) their mean.
        root: (3, 3) takes planes of unit variance that do not go together to logits around the mean; `root @ root.T`
            is their covariance. The columns are its main axes, the first of them brightness.
    """

    mean: FloatArray
    root: FloatArray

    @property
    def unit(self) -> FloatArray:
        """`root` divided by the length of its longest column: mixes colours without making them stronger."""
        unit: FloatArray = self.root / np.linalg.norm(self.root, axis=0).max()
        return unit


@cache
def natural_colours() -> Colours:
    """Of the bundled photographs, see `_measure_statistics`."""
    with np.load(NATURAL_IMAGES) as stored:
        return Colours(stored["colour_mean"], stored["colour_root"])


def logits(photos: FloatArray) -> FloatArray:
    """Values in [0, 1] -> log(p / (1 - p)), after clipping to [0.05, 0.95] so that deep shadows do not decide."""
    clipped = np.clip(photos, 0.05, 0.95)
    found: FloatArray = np.log(clipped / (1 - clipped))
    return found


def brightness(root: FloatArray) -> FloatArray:
    """(1, 1): what one gray plane of unit variance counts, by the first column of a colour root."""
    mean: FloatArray = root[:, :1].mean(keepdims=True)
    return mean


def mixed(matrix: Tensor, planes: Tensor) -> Tensor:
    """(k, c) times the channels of (b, c, h, w) -> (b, k, h, w)."""
    return torch.einsum("kc,bchw->bkhw", matrix.to(planes), planes)


def to_gray(pictures: Tensor) -> Tensor:
    """(b, 3, h, w) -> (b, 1, h, w), weighted as Pillow and OpenCV do."""
    return mixed(torch.tensor([GRAY_WEIGHTS]), pictures)
