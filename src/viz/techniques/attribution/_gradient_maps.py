"""From gradients to heat maps: what all gradient techniques share in making and doubting their results."""

from collections.abc import Sequence

import numpy as np

from viz.core.adapter import Adapter, Rule
from viz.core.errors import ImageError
from viz.core.gradients import Gradients, summed_up
from viz.core.peaks import peak_of
from viz.core.result import FloatArray, HeatMap, Number

# Gradients flicker from pixel to pixel: pictures are smoothed over this many, the raw values never.
GRAIN = 4.0


def strongest_channel(gradient: FloatArray) -> FloatArray:
    """(3, h, w) -> (h, w): the largest magnitude over the colours (Simonyan et al. 2014, section 3.1)."""
    found: FloatArray = np.abs(gradient).max(axis=0)
    return found


def brightness(gradient: FloatArray) -> FloatArray:
    """(3, h, w) -> (h, w), signed: the derivative where all channels of a pixel grow together."""
    found: FloatArray = gradient.sum(axis=0, dtype=np.float32)
    return found


def heat_of(gradient: FloatArray, signed: bool) -> FloatArray:
    """A colour gradient (3, h, w) as one map (h, w)."""
    return brightness(gradient) if signed else strongest_channel(gradient)


def gradient_map(
    gradient: FloatArray, heat: FloatArray, score: float, *, straight_through: Sequence[str] = (), **numbers: Number
) -> HeatMap | ImageError:
    """The result for one image: heat (h, w), and the colour gradient (3, h, w) that it is made of.

    An `ImageError` where the values are not finite.
    """
    if not (np.isfinite(heat).all() and np.isfinite(gradient).all() and np.isfinite(score)):
        return ImageError(
            "the score or its gradient is not a finite number for this image",
            "`viz verify` finds the operation; with half precision leave out --precision native",
        )
    y, x = peak_of(heat)
    figures = {"score": score, **numbers, "peak_y": y, "peak_x": x}
    return HeatMap({"heat": heat, "gradient": gradient}, figures, doubts(heat, straight_through), GRAIN)


def doubts(heat: FloatArray, straight_through: Sequence[str] = ()) -> tuple[str, ...]:
    """Warnings about a map that may not mean what it seems to."""
    found = []
    if not heat.any():
        found.append("the gradient is zero everywhere: the score is flat here, as behind a rectifier that is off")
    if straight_through:
        found.append(f"straight-through gradient: {summed_up(straight_through)} are passed as if they were not there")
    return tuple(found)


def say_what_changed(model: Adapter, rule: Rule, found: Gradients) -> int:
    """Note for the user how many operations the rule changed; returns their number."""
    total = sum(found.changed.values())
    listing = ", ".join(f"{count} {name}" for name, count in sorted(found.changed.items()))
    note = f"{rule}: the backward pass of {total} operations was changed ({listing})"
    if total:
        model.note(note)
    return total
