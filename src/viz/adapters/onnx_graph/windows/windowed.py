"""A feature map in the window graph: which axes run over the image, and which window of the map it holds."""

from dataclasses import dataclass
from math import prod

import onnx

from viz.adapters.onnx_graph.windows.reach import Reach


class Whole(Exception):
    """An operation cannot be, or had better not be, computed by windows: from here on the whole map is."""


@dataclass(frozen=True, eq=False)
class Windowed:
    """A tensor (n, …) that holds, for each variant, a window of a feature map.

    Attributes:
        name: its name, the same in the model and in the window graph.
        axes: its axes along the image's height and width.
        shape: its shape in the model for one image; the batch axis comes first.
        reach: the window.
        elem_type: the ONNX element type; 0 where not known.
        stored: where it is a DequantizeLinear's output, that node: context is then gathered before it, so that
            the runtime still finds the operators between which it computes in whole numbers.
        source: what that node reads.
    """

    name: str
    axes: tuple[int, int]
    shape: tuple[int, ...]
    reach: Reach
    elem_type: int
    stored: onnx.NodeProto | None = None
    source: "Windowed | None" = None

    @property
    def rest(self) -> list[int]:
        """The other axes, in order: the values of one position."""
        return [axis for axis in range(1, len(self.shape)) if axis not in self.axes]

    @property
    def values(self) -> int:
        """How many values one position has."""
        return prod(self.shape[axis] for axis in self.rest)

    @property
    def by_row(self) -> list[int]:
        """The order of axes in which positions come first: batch, height, width, the rest."""
        return [0, *self.axes, *self.rest]

    @property
    def back(self) -> list[int]:
        """The order that undoes `by_row`."""
        order = self.by_row
        return [order.index(axis) for axis in range(len(order))]
