"""Which layers say something new, and how far apart their positions are on the image."""

from math import log2

from viz.core.adapter import Adapter
from viz.techniques._spatial_layers import Grid

RECTIFIED = frozenset("Relu ReLU relu Clip ReLU6 relu6 hardtanh LeakyRelu leaky_relu PRelu HardSwish Silu Gelu".split())
JOINED = frozenset("Concat cat Add add".split())  # what a block gives, in networks with branches


def stride(model: Adapter, grid: Grid) -> int:
    """Pixels between a layer's positions, as the nearest power of two."""
    return int(2 ** round(log2(max(1.0, model.size[0] / grid.size[0]))))
