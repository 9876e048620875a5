"""Maps that no model is needed for: what a technique has to beat."""

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from viz.core.adapter import Adapter
from viz.core.preprocess import GRAY_WEIGHTS
from viz.core.result import FloatArray, HeatMap
from viz.core.target import Target
from viz.core.technique import TechniqueInfo

EDGES = "edges"
_SPREAD = 0.25  # of the side, the standard deviation of the centre's map


def _info(name: str, summary: str, source: str) -> TechniqueInfo:
    return TechniqueInfo(name, "baseline", summary, source, needs_gradient=False, images_per_call=64, smoke={})


class _Baseline:
    """What all of them share: maps from images alone, no pass of the model."""

    def passes(self, size: tuple[int, int]) -> int:
        """Forward passes per image: none."""
        return 0

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> list[HeatMap]:
        """Heat maps of images (b, 3, h, w); neither model nor targets change them."""
        return [HeatMap({"heat": self.heat(image)}) for image in images]

    def heat(self, image: FloatArray) -> FloatArray:
        """The map (h, w) of an image (3, h, w)."""
        raise NotImplementedError


@dataclass(frozen=True)
class Edges(_Baseline):
    """Where the brightness changes: the magnitude of the Sobel gradient."""

    info = _info(EDGES, "Edges of the image: the Sobel magnitude of its brightness.", "Adebayo et al. 2018, section 1")

    def heat(self, image: FloatArray) -> FloatArray:
        """The magnitude, at least 0."""
        import cv2

        gray = np.tensordot(np.array(GRAY_WEIGHTS, np.float32), image, axes=1)
        across, down = cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)
        magnitude: FloatArray = np.hypot(across, down)
        return magnitude


@dataclass(frozen=True)
class Centre(_Baseline):
    """A Gaussian in the middle: photographers aim."""

    info = _info("centre", "A Gaussian about the middle of the image.", "Zhang et al. 2018, section 4.1")

    def heat(self, image: FloatArray) -> FloatArray:
        """1 in the middle; a quarter of the side away, exp(-1/2)."""
        ys, xs = (np.abs(np.arange(side) - (side - 1) / 2) / (_SPREAD * side) for side in image.shape[1:])
        found: FloatArray = np.exp(-(ys[:, None] ** 2 + xs[None] ** 2) / 2).astype(np.float32)
        return found


@dataclass(frozen=True)
class Noise(_Baseline):
    """Uniform noise; the same image and seed give the same."""

    seed: int = 0
    info = _info("noise", "Uniform noise, another for every image.", "chance")

    def heat(self, image: FloatArray) -> FloatArray:
        """Values from 0 to 1."""
        random = np.random.default_rng((self.seed, crc32(np.ascontiguousarray(image).tobytes())))
        return random.random(image.shape[1:], np.float32)


def baselines(seed: int) -> list[_Baseline]:
    """All of them, in the order of the table."""
    return [Centre(), Edges(), Noise(seed)]
