"""About how large a layer's responses get, from pictures that are always the same."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from viz.core.adapter import Adapter
from viz.core.result import FloatArray

_SEED = 20140606
_BLOCKS = (1, 4, 16, 64)  # pixels: what layers respond to is of some size


def probe(size: tuple[int, int]) -> FloatArray:
    """Eight pictures (8, 3, h, w) of coloured squares, smaller and larger, of all colours and of full ones only."""
    random = np.random.default_rng(_SEED)
    pictures = []
    for block in _BLOCKS:
        cells = random.random((3, -(-size[0] // block), -(-size[1] // block)))
        squares = np.kron(cells, np.ones((1, block, block)))[:, : size[0], : size[1]]
        pictures += [squares, np.round(squares)]
    return np.stack(pictures).astype(np.float32)


def scales(model: Adapter, zeros: Mapping[str, float]) -> dict[str, float]:
    """For each layer, given what stands for zero in it, the power of two above its largest response to `probe`."""
    return {name: _power_above(largest) for name, largest in _largest(model, list(zeros), zeros).items()}


def _largest(model: Adapter, names: Sequence[str], zeros: Mapping[str, float]) -> dict[str, float]:
    largest = dict.fromkeys(names, 0.0)
    for picture in probe(model.size):
        for name, values in model.run(picture[None], names).items():
            above = float(np.abs(values - np.float32(zeros[name])).max(initial=0))
            largest[name] = max(largest[name], above) if math.isfinite(above) else largest[name]
    return largest


def _power_above(value: float) -> float:
    """1 where a layer does not respond at all: any scale is as good."""
    if value == 0:
        return 1.0
    return math.ldexp(1.0, math.frexp(value)[1])
