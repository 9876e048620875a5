"""Which cells of a feature map the windows of the next one read, and where these lie among the rows at hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from viz.adapters.onnx_graph.windows.reach import Ints, Reach

Index = NDArray[np.int32]


@dataclass(frozen=True)
class Strided:
    """Along one axis, target position i reads source positions from `i * stride + offset` on, `span` of them."""

    stride: int
    offset: int
    span: int

    def read(self, first: Ints, count: int) -> Ints:
        """(n, length): the source positions that targets `first` to `first + count - 1` of each variant read."""
        length = (count - 1) * self.stride + self.span
        read: Ints = first[:, None] * self.stride + self.offset + np.arange(length)
        return read


@dataclass(frozen=True, eq=False)
class Table:
    """Target position i reads the source positions `positions[i]`, (targets, taps); -1 is padding."""

    positions: Ints

    def read(self, first: Ints, count: int) -> Ints:
        """(n, count * taps) source positions."""
        read: Ints = self.positions[first[:, None] + np.arange(count)].reshape(len(first), -1)
        return read


AxisMap = Strided | Table
SAME = Strided(1, 0, 1)


@dataclass
class Rows:
    """The rows of one feature map that are at hand in the window graph: padding, windows, and the ring around them.

    Attributes:
        tensor: the feature map.
        reach: its windows.
        clean: the window graph's input with the rows of the whole clean map, an output of the clean graph.
        ring: the input that says which of those rows are taken.
        fills: values of the rows of padding, first among the rows at hand.
        contexts: what is gathered from the rows at hand.
    """

    tensor: str
    reach: Reach
    clean: str
    ring: str
    fills: list[float] = field(default_factory=list)
    contexts: list["Context"] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Context:
    """Cells that one operation reads for windows of `target`; the whole map where there is no target.

    Attributes:
        index: the window graph's input with the numbers of the rows at hand, (n, height, width).
        target: windows of the map that is computed from it.
        maps: how target positions read source positions, along y and x.
        fill: which row of padding stands for cells outside the map.
    """

    index: str
    target: Reach | None
    maps: tuple[AxisMap, AxisMap]
    fill: int


@dataclass(frozen=True)
class Batch:
    """Variants that go through together: which of the begun images each is of, top and left of its square."""

    slots: Ints
    tops: Ints
    lefts: Ints

    def __len__(self) -> int:
        return len(self.slots)

    def windows(self, reach: Reach) -> tuple[tuple[int, Ints], tuple[int, Ints]]:
        """(height, first row of each variant) and (width, first column of each variant) on a map."""
        return reach.y.window(self.tops), reach.x.window(self.lefts)

    def targets(self, context: Context, source: Reach) -> tuple[tuple[int, Ints], tuple[int, Ints]]:
        """The same for what a context is for."""
        if context.target is not None:
            return self.windows(context.target)
        origin = np.zeros(len(self), np.intp)
        return (source.y.length, origin), (source.x.length, origin)


@dataclass(frozen=True)
class Cells:
    """All cells of the windows of `reach`, in the clean maps or (`of_constant`) in a map that all images share."""

    reach: Reach
    of_constant: bool

    def rows(self, batch: Batch) -> Index:
        """Their row numbers, (n, height, width)."""
        (height, tops), (width, lefts) = batch.windows(self.reach)
        ys, xs = tops[:, None] + np.arange(height), lefts[:, None] + np.arange(width)
        slots = np.zeros_like(batch.slots) if self.of_constant else batch.slots
        return _clean_rows(slots, self.reach, ys, xs).astype(np.int32)


def gathering(rows: Rows, batch: Batch) -> Mapping[str, Index]:
    """The ring and the indices of all contexts of one map, by input name.

    Rows at hand are numbered: padding, then each variant's window, row by row, then the ring, in the order
    in which the contexts meet its cells.
    """
    (height, tops), (width, lefts) = batch.windows(rows.reach)
    origins = len(rows.fills) + np.arange(len(batch), dtype=np.int32) * (height * width)
    ring_begins = len(rows.fills) + len(batch) * height * width
    found: dict[str, Index] = {}
    ring: list[Index] = []
    for context in rows.contexts:
        ys, xs = _sources(context, batch, rows.reach)
        down, across = (ys - tops[:, None]).astype(np.int32), (xs - lefts[:, None]).astype(np.int32)
        index = (origins[:, None] + down * width)[:, :, None] + across[:, None, :]
        outside = _not((down >= 0) & (down < height), (across >= 0) & (across < width))
        padding = _not((ys >= 0) & (ys < rows.reach.y.length), (xs >= 0) & (xs < rows.reach.x.length))
        around = outside & ~padding
        clean = _clean_rows(batch.slots, rows.reach, ys, xs)[around].astype(np.int32)
        index[around] = np.arange(ring_begins, ring_begins + len(clean), dtype=np.int32)
        index[padding] = context.fill
        ring_begins += len(clean)
        ring.append(clean)
        found[context.index] = index
    found[rows.ring] = np.concatenate(ring)
    return found


def _sources(context: Context, batch: Batch, source: Reach) -> tuple[Ints, Ints]:
    """Source rows and columns that each variant reads."""
    (height, tops), (width, lefts) = batch.targets(context, source)
    along_y, along_x = context.maps
    return along_y.read(tops, height), along_x.read(lefts, width)


def _clean_rows(slots: Ints, reach: Reach, ys: Ints, xs: Ints) -> Ints:
    """(n, len ys, len xs) row numbers in clean maps that lie one after the other, image by image."""
    height, width = reach.size
    return ((slots[:, None] * height + ys) * width)[:, :, None] + xs[:, None, :]


def _not(rows: NDArray[np.bool_], columns: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n, h, w): True where the row or the column is False."""
    return ~(rows[:, :, None] & columns[:, None, :])
