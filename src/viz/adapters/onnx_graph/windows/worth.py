"""What windows cost beside whole maps, in multiply-accumulates: arithmetic, values moved, operators started."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from viz.adapters.onnx_graph.windows.context import AxisMap, Context, Rows, Strided
from viz.adapters.onnx_graph.windows.reach import AxisReach

# In the time of a multiply-accumulate inside a convolution (benchmarks/windows_worth.py): a value that an
# operator writes, a value that is gathered, and starting an operator for one variant of a batch.
_WRITTEN, _GATHERED, _STARTED = 20.0, 60.0, 1e5


@dataclass
class Worth:
    """Costs so far of one variant, by a whole pass and by windows."""

    whole: float = 0.0
    windows: float = 0.0

    @property
    def gain(self) -> float:
        """How many times faster windows are expected to be."""
        return self.whole / self.windows if self.windows else 1.0

    def add_layer(self, macs: float, values: int, share: float) -> None:
        """An operator with so many multiply-accumulates and values in the whole map, of which a share is computed."""
        work = macs + _WRITTEN * values
        self.whole += work + _STARTED
        self.windows += work * share + _STARTED

    def add_gathering(self, rows: Rows, values: int) -> None:
        """All that is gathered of a map with so many values at each position."""
        for context in rows.contexts:
            self.windows += _GATHERED * values * _cells(rows, context) + 4 * _STARTED


def _cells(rows: Rows, context: Context) -> float:
    """Mean number of cells that a context holds."""
    if context.target is None:
        return float(rows.reach.y.length * rows.reach.x.length)
    along = zip((context.target.y, context.target.x), context.maps, strict=True)
    lengths: Iterable[float] = (_mean_read(reach, by) for reach, by in along)
    cells: float = prod(lengths)
    return cells


def _mean_read(reach: AxisReach, by: AxisMap) -> float:
    width = float(reach.widths.mean())
    if isinstance(by, Strided):
        return (width - 1) * by.stride + by.span
    taps = int(by.positions.shape[1])
    return width * taps
