"""What is said of a picture that shall fool: distances, confidence before and after, the triptych."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viz.core.adapter import Adapter
from viz.core.images import Pixels, to_float
from viz.core.making import Picture
from viz.core.result import FloatArray, Number
from viz.core.target.classes import class_target
from viz.techniques.attack._canvas import Canvas

_SHOWN = 10  # times, in the triptych


@dataclass(frozen=True)
class Outcome:
    """One attack's end.

    Attributes:
        canvas: the picture before.
        pixels: the picture that is saved, (H, W, 3).
        wanted: the class that it should be taken for; None for any but `original`.
        before, after: the model's probabilities for the two.
        original, taken_for: the classes that they are taken for.
        held: whether that is a success by the margin asked for.
        unrounded: the L2 distance that the attack found before rounding; infinite where it found none.
        frames: pictures of the way.
        to_try: what to type where it failed.
    """

    canvas: Canvas
    pixels: Pixels
    wanted: int | None
    before: FloatArray
    after: FloatArray
    original: int
    taken_for: int
    held: bool
    unrounded: float
    frames: tuple[Pixels, ...]
    to_try: str

    @property
    def target(self) -> int:
        """The class that the picture is measured by."""
        return self.taken_for if self.wanted is None else self.wanted

    @property
    def success(self) -> bool:
        """Whether the saved picture is taken for the class wanted, or for another one than before."""
        return self.taken_for != self.original if self.wanted is None else self.taken_for == self.wanted


def picture_of(outcome: Outcome, model: Adapter) -> Picture:
    """The picture with all that is known of it."""
    change = to_float(outcome.pixels) - to_float(outcome.canvas.pixels)
    triptych = np.hstack([outcome.canvas.pixels, _magnified(change), outcome.pixels])
    return Picture(
        {"image": to_float(outcome.pixels), "perturbation": change},
        _numbers(outcome, change, model),
        tuple(_warnings(outcome, model)),
        target=class_target(model, outcome.target),
        exact=outcome.pixels,
        frames=outcome.frames,
        panels={"triptych": triptych},
    )


def distances(change: FloatArray) -> dict[str, float]:
    """L2, L-infinity, and RMS over all values as Szegedy et al. report it, of a perturbation (3, h, w)."""
    wide = change.astype(np.float64)
    return {
        "l2": float(np.sqrt(np.square(wide).sum())),
        "linf": float(np.abs(wide).max()),
        "rms": float(np.sqrt(np.square(wide).mean())),
    }


def _numbers(outcome: Outcome, change: FloatArray, model: Adapter) -> dict[str, Number]:
    unrounded = {"l2_unrounded": outcome.unrounded} if np.isfinite(outcome.unrounded) else {}
    return {
        "success": int(outcome.success),
        **distances(change),
        **unrounded,
        "original": model.labels.name(outcome.original),
        "target": model.labels.name(outcome.target),
        "target_class": outcome.target,
        "original_before": float(outcome.before[outcome.original]),
        "original_after": float(outcome.after[outcome.original]),
        "target_before": float(outcome.before[outcome.target]),
        "target_after": float(outcome.after[outcome.target]),
        "resolution": outcome.canvas.resolution,
    }


def _warnings(outcome: Outcome, model: Adapter) -> list[str]:
    said = [outcome.canvas.warning] if outcome.canvas.warning else []
    name = model.labels.name(outcome.taken_for)
    if outcome.wanted == outcome.original and outcome.success:
        said.append(f"already taken for {name} as it is: nothing was changed that need not be")
    elif not outcome.success:
        goal = "any other class" if outcome.wanted is None else model.labels.name(outcome.wanted)
        share = outcome.after[outcome.taken_for]
        said.append(f"not fooled: taken for {name} ({share:.1%}), not for {goal}; {outcome.to_try}")
    elif not outcome.held:
        said.append(f"taken for {name}, but by less than the margin asked for; {outcome.to_try}")
    return said


def _magnified(change: FloatArray) -> Pixels:
    """A perturbation (3, h, w) times ten around mid-gray, (h, w, 3)."""
    shown: NDArray[np.float32] = np.clip(np.rint(127.5 + 255 * _SHOWN * change), 0, 255)
    return np.ascontiguousarray(shown.transpose(1, 2, 0).astype(np.uint8))
