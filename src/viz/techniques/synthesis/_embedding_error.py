"""How far a layer is from what it was for another image, as a share of that: what inversion minimizes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from viz.core.errors import ImageError, UsageError
from viz.core.layer import Layer
from viz.core.readings import Constant, Reading
from viz.core.result import FloatArray
from viz.core.target import Target, Term


@dataclass(frozen=True)
class EmbeddingError(Reading):
    """|phi(x) - phi0|^2 / |phi0|^2 over all values of a layer: 0 where they are the same, 1 for an x with phi(x) = 0.

    Source: Mahendran & Vedaldi 2015, arXiv 1412.0035, section 3.2.

    Attributes:
        to: phi0, the layer's values for one image.
        size: |phi0|^2, above 0, counted from what stands for zero in this layer.
    """

    to: Constant
    size: float

    def read(self, values: Mapping[str, Any]) -> Any:
        """See `Reading.read`. Raises `UsageError` where the layer has another shape than it had."""
        found = values[self.layer]
        if tuple(found.shape[1:]) != self.to.shape:
            problem = f"{self.layer} is {tuple(found.shape[1:])} for one image and {self.to.shape} for another"
            raise UsageError(problem, "a layer whose shape depends on the image cannot be inverted; name another")
        away = (found - self.to.like(found)).reshape(len(found), -1)
        return (away * away).sum(axis=1) / self.size


def embedding_error(layer: Layer, reference: FloatArray) -> EmbeddingError:
    """The error against `reference`, the layer's values (…) for one image; raises `ImageError` where it has none."""
    if not np.isfinite(reference).all():
        raise ImageError(f"{layer.name} is not finite for this image", "`viz verify` says where that begins")
    size = float(np.square(reference.astype(np.float64) - layer.zero).sum())
    if size == 0:
        raise ImageError(
            f"{layer.name} is 0 all over for this image, so that it holds nothing to rebuild it from",
            "name another layer",
        )
    return EmbeddingError(layer.name, Constant.of(reference), size)


def nearness(error: EmbeddingError) -> Target:
    """Minus the error: driven up, the layer comes to what it was."""
    return Target((Term(error, -1.0),), f"minus the error of {error.layer}", score="error")
