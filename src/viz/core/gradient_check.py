"""Are the gradients right? Held against central differences of the model's own forward pass."""

from dataclasses import dataclass

import numpy as np

from viz.core.adapter import Adapter
from viz.core.gradients import input_gradients
from viz.core.result import FloatArray
from viz.core.target import Target

# Steps in pixel values. Short ones drown in float32 rounding, long ones leave the linear piece of a ReLU
# network: each direction takes the step at which halving it changes least.
_STEPS = (1.6e-2, 8e-3, 4e-3, 2e-3, 1e-3, 5e-4)


@dataclass(frozen=True)
class GradientCheck:
    """Directional derivatives of one target at one image, by gradient and by central differences.

    Attributes:
        target: what was differentiated.
        by_gradient, by_differences: along each random direction, in units of the target per unit of pixel RMS.
        uncertainty: how well the differences themselves are known, relative to their size: what is left of
            rounding and curvature, estimated by halving the step.
    """

    target: str
    by_gradient: tuple[float, ...]
    by_differences: tuple[float, ...]
    uncertainty: float

    @property
    def error(self) -> float:
        """Relative difference of the two, over all directions (L2)."""
        ours, theirs = np.array(self.by_gradient), np.array(self.by_differences)
        size = float(np.linalg.norm(theirs))
        gap = float(np.linalg.norm(ours - theirs))
        return gap / size if size else (0.0 if gap == 0 else float("inf"))

    def holds(self, tolerance: float = 0.01) -> bool:
        """True where the error is within `tolerance` plus what the differences themselves leave open."""
        return self.error <= tolerance + self.uncertainty


def check_gradient(
    model: Adapter, image: FloatArray, target: Target, directions: int = 4, seed: int = 0
) -> GradientCheck:
    """Compare gradient and central differences for an image (3, h, w) along random directions of unit RMS.

    The differences are taken by `model.run_unrounded`, for an ONNX file onnxruntime, in its own precision; they
    cost `12 * directions` forward passes. Pixels may leave [0, 1] by the step. Raises as `input_gradients`.
    """
    random = np.random.default_rng(seed)
    along = random.standard_normal((directions, *image.shape)).astype(np.float32)
    along /= np.sqrt((along**2).mean(axis=(1, 2, 3), keepdims=True))
    gradient = input_gradients(model, image[None], [target]).pixels[0].astype(np.float64)
    by_gradient = [float((gradient * one).sum()) for one in along]
    slopes = np.array([_slopes(model, image, target, one) for one in along])
    best, changes = zip(*map(_most_settled, slopes), strict=True)
    size = float(np.linalg.norm(best))
    uncertainty = float(np.linalg.norm(changes)) / size if size else 0.0
    return GradientCheck(target.label, tuple(by_gradient), tuple(best), uncertainty)


def _slopes(model: Adapter, image: FloatArray, target: Target, along: FloatArray) -> FloatArray:
    """Central differences at each of the steps."""
    steps = np.array(_STEPS, np.float32)[:, None, None, None]
    moved = np.concatenate([image + steps * along, image - steps * along]).astype(np.float32)
    values = target.of(model.run_unrounded(moved, target.layers)).astype(np.float64)
    count = len(_STEPS)
    slopes: FloatArray = (values[:count] - values[count:]) / (2 * np.array(_STEPS))
    return slopes


def _most_settled(slopes: FloatArray) -> tuple[float, float]:
    """The slope that changed least when its step was halved, and by how much."""
    changes = np.abs(np.diff(slopes))
    at = int(changes.argmin())
    return float(slopes[at + 1]), float(changes[at])
