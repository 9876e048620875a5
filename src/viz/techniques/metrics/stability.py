"""Stability: how far does the map move when the image changes by next to nothing?"""

from typing import Annotated

import numpy as np

from viz.core.metric import Explained, Measured, metric
from viz.core.options import Opt
from viz.core.result import FloatArray
from viz.techniques.metrics._again import heats_again, with_same_layer


@metric(
    source="Yeh et al. 2019, definition 2.4 (maximum sensitivity), arXiv 1901.09392",
    higher_is_better=False,
    against_edges=False,
)
class Stability:
    """The largest change of the map within a small distance of the image, relative to the map.

    The largest over random images no pixel of which differs by more than the radius, so an estimate from
    below. 0 is a map that does not move, as that of a detector of edges: a good figure alone says little.
    """

    samples: Annotated[int, Opt("Noisy images for each image.", min=1)] = 10
    radius: Annotated[float, Opt("Largest change of a pixel value; the whole range is 1.", min=0.0001, max=1)] = 0.02
    seed: Annotated[int, Opt("Seed of the noise, which is the same for every image.", min=0)] = 0

    def __call__(self, explained: Explained) -> Measured:
        """Relative changes, one per image; NaN for a map of zeros, or where a noisy image has no map."""
        values = [self._change(explained, i) for i in range(len(explained.images))]
        return Measured(np.array(values, np.float32))

    def passes(self, per_map: int) -> int:
        """Forward passes per image, beside those of the map."""
        return self.samples * per_map

    def _change(self, explained: Explained, index: int) -> float:
        image, before = explained.images[index], explained.maps[index]
        technique = with_same_layer(explained.technique, before)
        targets = [explained.targets[index]] * self.samples
        found = heats_again(technique, explained.model, self._noisy(image), targets)
        length = float(np.linalg.norm(before.heat))
        changes = [float("nan") if heat is None else float(np.linalg.norm(heat - before.heat)) for heat in found]
        return max(changes) / length if length and not np.isnan(changes).any() else float("nan")

    def _noisy(self, image: FloatArray) -> FloatArray:
        """Images within the radius, kept in [0, 1]: (samples, 3, h, w)."""
        random = np.random.default_rng(self.seed)
        noise = random.uniform(-self.radius, self.radius, (self.samples, *image.shape)).astype(np.float32)
        noisy: FloatArray = np.clip(image + noise, 0, 1)
        return noisy
