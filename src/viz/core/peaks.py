"""Where a map is hottest."""

import numpy as np
from numpy.typing import NDArray

from viz.core.result import FloatArray


def peak_of(heat: FloatArray) -> tuple[float, float]:
    """Row and column of the highest heat. Where it is a plateau, the plateau's middle, not its first corner."""
    top = np.argwhere(heat >= heat.max() - 1e-6 * max(float(np.ptp(heat)), 1e-30))
    first = top[0]
    # A plateau is one cell of the grid: pixels further away tie with it by chance.
    near = top[(np.abs(top - first) <= _plateau(top, first)).all(axis=1)]
    y, x = near.mean(axis=0)
    return float(y), float(x)


def _plateau(top: NDArray[np.intp], first: NDArray[np.intp]) -> int:
    """How far the run of tied pixels goes on from the first one, along its row."""
    row = top[top[:, 0] == first[0], 1]
    gaps = np.flatnonzero(np.diff(row) > 1)
    return int(row[gaps[0]] - row[0]) if len(gaps) else int(row[-1] - row[0])
