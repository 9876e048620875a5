"""Are the gradients right? Held against central differences of the model's own forward pass."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viz.core.adapter import INPUT_ROUNDING, Adapter
from viz.core.batching import BatchedAdapter
from viz.core.errors import NotSupported
from viz.core.gradients import check_path, input_gradients
from viz.core.result import FloatArray
from viz.core.target import Target

# Steps in pixel values, four to the octave. Short ones drown in the rounding of the scores, long ones cross
# the kinks of a ReLU network; how long they may be depends on the network and is found for each direction.
_SHORTEST, _OCTAVES, _PER_OCTAVE = 1.25e-7, 8, 4
_STEPS = _SHORTEST * 2.0 ** (np.arange(_OCTAVES * _PER_OCTAVE) / _PER_OCTAVE)
_STEADY = 3  # octaves that must agree
_DOUBLE_STEP = 1e-8
_DITHER = 2  # levels of 8 bits

TOLERANCE = 0.01  # relative error of a gradient, beyond what the differences leave open


@dataclass(frozen=True)
class GradientCheck:
    """Directional derivatives of one target at one image, by gradient and by central differences.

    Attributes:
        target: what was differentiated.
        by: what the differences were taken of.
        by_gradient, by_differences: along each random direction, in units of the target per unit of pixel RMS.
        uncertainty: how well the differences themselves are known, relative to their size: how far those of three
            neighbouring lengths of the step are apart, and from those of shorter steps.
    """

    target: str
    by: str
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

    def holds(self, tolerance: float = TOLERANCE) -> bool:
        """True where the error is within `tolerance` plus what the differences themselves leave open."""
        return self.error <= tolerance + self.uncertainty


def gradient_checks(
    model: Adapter, image: FloatArray, target: Target, directions: int = 4, seed: int = 0
) -> list[GradientCheck]:
    """Every check of a gradient that means something for this model, close to an image (3, h, w) in [0, 1].

    Against the runtime's own differences; not where the gradient passes roundings inside the network straight
    through, which differences of a rounded network cannot follow. And in float64, where the model has it: there
    such a network is computed without its roundings. Raises as `input_gradients`.
    """
    inside = _inside(image, seed)
    passed = input_gradients(model, inside[None], [target]).straight_through
    found = [] if rounds_inside(passed) else [check_gradient(model, inside, target, directions, seed)]
    try:
        found.append(check_gradient_in_double(model, inside, target, directions, seed))
    except NotSupported:
        return found
    return found


def _inside(image: FloatArray, seed: int) -> FloatArray:
    """The image with a little noise, a level of 8 bits or more away from black and white.

    There a quantizer begins to cut, and in a flat area a whole field of units can sit on its kink: neither has
    a slope to compare. The values are whole 255ths, at which models that take whole numbers have their gradient.
    """
    levels = np.clip(np.rint(image * 255), 1 + _DITHER, 254 - _DITHER)
    noise = np.random.default_rng(seed).integers(-_DITHER, _DITHER + 1, image.shape)
    return ((levels + noise) / 255).astype(np.float32)


def rounds_inside(straight_through: Sequence[str]) -> bool:
    """Whether a gradient passed roundings inside the network, and not only that of a whole-number input."""
    return any(text != INPUT_ROUNDING for text in straight_through)


def check_gradient(
    model: Adapter, image: FloatArray, target: Target, directions: int = 4, seed: int = 0
) -> GradientCheck:
    """Compare gradient and central differences for an image (3, h, w) along random directions of unit RMS.

    The differences are taken by `model.run_unrounded`, for an ONNX file onnxruntime, in its own precision; they
    cost `64 * directions` forward passes. Pixels may leave [0, 1] by the step. Raises as `input_gradients`.
    """
    gradient = input_gradients(model, image[None], [target]).pixels[0].astype(np.float64)
    along = _directions(gradient, directions, seed)
    batched = model if isinstance(model, BatchedAdapter) else BatchedAdapter(model)
    by_gradient = [float((gradient * one).sum()) for one in along]
    gains, errors = np.array([_gain(batched, image, target, gradient, one) for one in along]).T
    best = gains * by_gradient
    errors = errors * np.abs(by_gradient)
    size = float(np.linalg.norm(best))
    uncertainty = 2 * float(np.linalg.norm(errors)) / size if size else 0.0
    return GradientCheck(target.label, model.source.runtime, tuple(by_gradient), tuple(best.tolist()), uncertainty)


def check_gradient_in_double(
    model: Adapter, image: FloatArray, target: Target, directions: int = 4, seed: int = 0
) -> GradientCheck:
    """Compare the gradient with central differences of the gradient pass's own forward values, all in float64.

    Along plain white noise: in float64 steps can be so short that neither rounding nor kinks matter. That these
    forward values are the model's is another check (`viz.verification`). Raises `NotSupported` where the
    model has no float64.
    """
    import torch

    start = torch.from_numpy(image.astype(np.float64))[None].requires_grad_()
    trace = model.trace_double(start, target.layers)
    check_path(model, total := target.read(trace.values), trace)
    (gradient,) = torch.autograd.grad(total.sum(), start)
    along = _unit(np.random.default_rng(seed).standard_normal((directions, *image.shape)))
    by_gradient = [float((gradient[0].numpy() * one).sum()) for one in along]
    by_differences = []
    for one in torch.from_numpy(along):
        with torch.no_grad():
            up, down = (
                target.read(model.trace_double(start.detach() + step * one, target.layers).values)
                for step in (_DOUBLE_STEP, -_DOUBLE_STEP)
            )
        by_differences.append(float(up - down) / (2 * _DOUBLE_STEP))
    by = "the gradient pass, float64" + ", without its roundings" * bool(trace.straight_through)
    return GradientCheck(target.label, by, tuple(by_gradient), tuple(by_differences), 0.0)


def _directions(gradient: NDArray[np.float64], count: int, seed: int) -> NDArray[np.float64]:
    """Random directions (count, 3, h, w) of unit RMS: half of the gradient's own values, chosen by chance, and noise.

    Along noise alone, the slope of a deep network is a small sum of large terms: rounding and kinks hide it.
    """
    random = np.random.default_rng(seed)
    shape = (count, *gradient.shape)
    chosen = np.where(random.random(shape) < 0.5, gradient, 0.0)
    along = _unit(chosen) + _unit(random.standard_normal(shape))
    return _unit(along)


def _unit(along: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each of (count, 3, h, w) divided by its root mean square; zeros stay."""
    size = np.sqrt((along**2).mean(axis=(1, 2, 3), keepdims=True))
    found: NDArray[np.float64] = along / np.where(size == 0, 1, size)
    return found


def _gain(
    model: Adapter,
    image: FloatArray,
    target: Target,
    gradient: NDArray[np.float64],
    along: NDArray[np.float64],
) -> tuple[float, float]:
    """By what factor the score changes more than the gradient says, along one direction, and its standard error."""
    ends = np.stack([image + sign * step * along for sign in (1, -1) for step in _STEPS]).astype(np.float32)
    values = target.of(model.run_unrounded(ends, target.layers)).astype(np.float64).reshape(2, -1)
    # Pixels in float32 move by what they can: the gradient is asked about the steps that were really made.
    moved = ends[: len(_STEPS)].astype(np.float64) - ends[len(_STEPS) :]
    expected = (moved * gradient).sum(axis=(1, 2, 3))
    return _fitted(expected, values[0] - values[1])


def _fitted(expected: NDArray[np.float64], changes: NDArray[np.float64]) -> tuple[float, float]:
    """Slope of `changes` on `expected` where it is steadiest over three octaves of steps, and how well it is known.

    Among short steps the slopes of neighbouring octaves differ by rounding, among long ones because the function
    bends. The three that are closest together are taken. The error is half of what they are apart, and how far
    shorter steps are from them on average: a function can be steady again behind a bend.
    """
    if not expected.any():
        return (1.0, 0.0) if not changes.any() else (float("inf"), 0.0)
    octaves = np.arange(len(expected)).reshape(-1, _PER_OCTAVE)
    products, squares = (expected * changes)[octaves].sum(axis=1), (expected**2)[octaves].sum(axis=1)
    slopes = products / squares
    apart = [float(np.ptp(slopes[i : i + _STEADY])) for i in range(len(octaves) - _STEADY + 1)]
    best = int(np.argmin(apart))
    slope = float(products[best : best + _STEADY].sum() / squares[best : best + _STEADY].sum())
    shorter = float(slopes[:best].mean()) if best else slope
    return slope, apart[best] / 2 + abs(slope - shorter)
