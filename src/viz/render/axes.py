"""Round numbers along an axis, and where values stand on it."""

from dataclasses import dataclass
from math import ceil, floor, log10

import numpy as np
from numpy.typing import NDArray

_DECADES = 2.0  # positive values that span more are shown by their logarithm
_STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, both included, with numbers at `ticks`; `log` for powers of ten."""

    low: float
    high: float
    ticks: tuple[float, ...]
    log: bool = False

    def share(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where values stand between low (0) and high (1)."""
        if self.log:
            return (np.log10(values) - log10(self.low)) / (log10(self.high) - log10(self.low))
        return (values - self.low) / (self.high - self.low)


def axis_for(values: NDArray[np.float64]) -> Axis:
    """An axis that holds all finite values with a little room; from 0 to 1 where there are none."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return Axis(0.0, 1.0, (0.0, 0.5, 1.0))
    low, high = float(finite.min()), float(finite.max())
    if low > 0 and log10(high) - log10(low) > _DECADES:
        return _logarithmic(low, high)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return linear(low - room, high + room)


def linear(low: float, high: float, most: int = 6, whole: bool = False) -> Axis:
    """An axis with at most about `most` round numbers; whole ones for things that are counted."""
    step = _round_step((high - low) / most)
    step = max(1.0, step) if whole else step
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return Axis(low, high, tuple(float(f"{i * step:.12g}") for i in range(first, last + 1)))


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is no less."""
    power = 10.0 ** floor(log10(least))
    return next(times * power for times in _STEPS if times * power >= least * (1 - 1e-9))


def _logarithmic(low: float, high: float) -> Axis:
    room = 0.04 * (log10(high) - log10(low))
    bottom, top = log10(low) - room, log10(high) + room
    every = max(1, ceil((top - bottom) / 7))
    powers = [power for power in range(ceil(bottom), floor(top) + 1) if power % every == 0]
    return Axis(10**bottom, 10**top, tuple(10.0**power for power in powers), log=True)


def written(tick: float) -> str:
    """A tick as people read it: 20,000 and 0.05, 1e-6 and 2e9."""
    if tick == 0 or 1e-4 <= abs(tick) < 1e6:
        return f"{tick:,.7g}"
    mantissa, power = f"{tick:.6e}".split("e")
    return f"{float(mantissa):g}e{int(power)}"
