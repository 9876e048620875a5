"""The window graph as it grows: nodes, what they gather, and which tensors hold windows or whole maps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from viz.adapters.onnx_graph.receptive_field.step import Step
from viz.adapters.onnx_graph.windows.context import SAME, AxisMap, Cells, Context, Rows
from viz.adapters.onnx_graph.windows.facts import Facts
from viz.adapters.onnx_graph.windows.reach import AxisReach, Reach, axis_reach
from viz.adapters.onnx_graph.windows.windowed import Whole, Windowed

PREFIX = "viz_window_"
SLOTS = "viz_window_slots"
Maps = tuple[AxisMap, AxisMap]


class Building:
    """Nodes of the window graph, in order, and what they need from outside.

    Attributes:
        facts: what is known about the model.
        windows: tensors that hold windows, by name.
        in_rows: those of them whose nodes give them in rows (`rows_form`); the others are laid out as in the model.
        whole: tensors that hold whole maps of every variant.
        rows: feature maps of which rows are gathered, by name.
        cells: inputs with the row numbers of whole windows, by their names.
        shapes: inputs with the shapes of windows in rows, (n, height, width, values…).
        clean_values: tensors of the model whose clean values are read, and the inputs that bring them.
        needs_slots: whether it is asked which clean image a variant is of.
        weights: inputs with weights of taps: the windows' reach along one axis, and the weights of each position.
    """

    def __init__(self, facts: Facts, side: int, cap: float | None, largest_share: float):
        self.facts, self._side, self._cap, self._largest_share = facts, side, cap, largest_share
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[TensorProto] = []
        self.windows: dict[str, Windowed] = {}
        self.in_rows: set[str] = set()
        self.whole: set[str] = set()
        self.rows: dict[str, Rows] = {}
        self.cells: dict[str, Cells] = {}
        self.weights: dict[str, tuple[Reach, int, NDArray[np.float32]]] = {}
        self.shapes: dict[str, Windowed] = {}
        self.clean_values: dict[str, str] = {}
        self.needs_slots = False
        self._reaches: dict[tuple[bytes, bytes], Reach] = {}
        self._contexts: dict[tuple[object, ...], str] = {}
        self._begin()

    def _begin(self) -> None:
        facts = self.facts
        shape = facts.shape(facts.image)
        if shape is None:
            raise Whole("the size of its input is not known")
        if self._side > min(shape[axis] for axis in facts.image_axes):
            raise Whole(f"a patch of {self._side} pixels is larger than its input")
        pixels = self.reach_of(facts.image, facts.image_axes)
        self.windows[facts.image] = Windowed(
            facts.image, facts.image_axes, shape, pixels, facts.types.get(facts.image, TensorProto.FLOAT)
        )

    # --- reading ------------------------------------------------------------------------------

    def step(self, node: onnx.NodeProto) -> Step:
        """A node with what is known about its inputs."""
        return self.facts.step(node)

    def window(self, name: str) -> Windowed:
        """The windows that a tensor holds; raises `Whole` where it holds whole maps or is constant."""
        if name not in self.windows:
            raise Whole(f"{name!r} is no map of windows")
        return self.windows[name]

    def reach_of(self, name: str, axes: tuple[int, int]) -> Reach:
        """What the patch reaches of a tensor, whose axes along the image must be `axes`."""
        spans, shape = self.facts.spans.get(name), self.facts.shape(name)
        if spans is None or shape is None:
            raise Whole("what it sees of the image is not known")
        for span, axis in zip(spans, axes, strict=True):
            if span.axis != axis or span.fold is not None or span.step <= 0:
                raise Whole("it mixes all positions")
        y, x = (axis_reach(span, shape[axis], self._side, self._cap) for span, axis in zip(spans, axes, strict=True))
        return self._same(y, x)

    def _same(self, y: AxisReach, x: AxisReach) -> Reach:
        """Equal windows are one object, so that tensors with the same windows are seen to fit."""
        return self._reaches.setdefault((y.key, x.key), Reach(y, x))

    def check_worth(self, reach: Reach) -> None:
        """Raise `Whole` where the window is nearly the map: a window's detours then cost more than they spare."""
        if reach.share > self._largest_share:
            raise Whole(f"the patch reaches {reach.share:.0%} of its map")

    # --- writing ------------------------------------------------------------------------------

    def emit(self, op: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        """A further node with one output; gives its name."""
        output = output or f"{PREFIX}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [output], **attributes))
        return output

    def copy(
        self, node: onnx.NodeProto, inputs: Mapping[int, str] | None = None, without: Sequence[str] = (), **changed: Any
    ) -> onnx.NodeProto:
        """The node with some inputs and attributes changed or left out."""
        twin = onnx.NodeProto()
        twin.CopyFrom(node)
        for position, name in (inputs or {}).items():
            twin.input[position] = name
        kept = [a for a in node.attribute if a.name not in without and a.name not in changed]
        del twin.attribute[:]
        twin.attribute.extend([*kept, *(helper.make_attribute(name, value) for name, value in changed.items())])
        self.nodes.append(twin)
        return twin

    def constant(self, value: NDArray[Any]) -> str:
        """A stored tensor; gives its name."""
        name = f"{PREFIX}constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def hold(
        self, name: str, like: Windowed, reach: Reach, axes: tuple[int, int] | None = None, in_rows: bool = False
    ) -> Windowed:
        """Note that a tensor of the model holds windows in the window graph, laid out as there or `in_rows`."""
        shape, axes = self.facts.shape(name), axes or like.axes
        if shape is None or shape[0] != self.facts.batch:
            raise Whole("its first axis is not the batch")
        elem_type = self.facts.types.get(name, like.elem_type)
        self.windows[name] = Windowed(name, axes, shape, reach, elem_type)
        if in_rows:
            self.in_rows.add(name)
        return self.windows[name]

    def hold_stored(self, name: str, source: Windowed, node: onnx.NodeProto) -> None:
        """Note that a tensor is what DequantizeLinear makes of `source`."""
        held = self.hold(name, source, source.reach)
        self.windows[name] = replace(held, stored=node, source=source)

    def mark(self) -> "Mark":
        """How far the graph has grown, to go back to."""
        contexts = {name: (len(rows.contexts), len(rows.fills)) for name, rows in self.rows.items()}
        return Mark(len(self.nodes), len(self.initializers), len(self._contexts), contexts)

    def go_back(self, mark: "Mark") -> None:
        """Forget all nodes, and what they would have gathered, since a mark."""
        del self.nodes[mark.nodes :], self.initializers[mark.initializers :]
        while len(self._contexts) > mark.gathered:
            self._contexts.popitem()
        for name, rows in self.rows.items():
            contexts, fills = mark.rows.get(name, (0, 0))
            del rows.contexts[contexts:], rows.fills[fills:]

    # --- gathering ----------------------------------------------------------------------------

    def context(self, of: Windowed, target: Reach | None, maps: Maps = (SAME, SAME), fill: float = 0.0) -> str:
        """What an operation reads of a map, for windows of `target` (None: the whole map), laid out as the map is."""
        if target is of.reach and maps == (SAME, SAME):
            return of.name
        if of.stored is not None and of.source is not None:
            zero = self.facts.scalar(of.stored.input[2] if len(of.stored.input) > 2 else "", 0.0)
            return self._once(
                (of.name, target, maps, fill),
                lambda: self._stored_context(of, target, maps, zero if fill == 0.0 else fill),
            )
        return self._once((of.name, target, maps, fill), lambda: self._gathered(of, target, maps, fill))

    def context_in_rows(self, of: Windowed, target: Reach, maps: Maps = (SAME, SAME)) -> str:
        """The same without padding in rows, (n * height * width, values)."""
        if target is of.reach and maps == (SAME, SAME):
            return rows_form(of.name)
        return self._once((of.name, target, maps, "rows"), lambda: self._gathered_in_rows(of, target, maps))

    def whole_map(self, name: str) -> str:
        """The whole map of every variant: the window pasted into the clean map. Other tensors as they are."""
        return self.context(self.windows[name], None) if name in self.windows else name

    def aligned(self, name: str, reach: Reach) -> str:
        """A tensor's windows as those of another reach of the same map, which holds them."""
        return self.context(self.windows[name], reach)

    def sum_over(self, name: str, axes: list[int]) -> str:
        """ReduceSum, whose axes were an attribute before opset 13."""
        if self.facts.opset < 13:
            return self.emit("ReduceSum", [name], axes=axes, keepdims=0)
        return self.emit("ReduceSum", [name, self.constant(np.array(axes, np.int64))], keepdims=0)

    def clean_value(self, name: str) -> str:
        """The input with a tensor's values for the clean images, an output of the clean graph."""
        return self.clean_values.setdefault(name, f"{PREFIX}clean_value_{len(self.clean_values)}")

    def slots(self) -> str:
        """The input with the number of the clean image that each variant is of, (n,)."""
        self.needs_slots = True
        return SLOTS

    def cells_of(self, reach: Reach, of_constant: bool = False) -> str:
        """The input with the row numbers of the cells of each window, (n, height, width).

        They count in clean maps that lie one after the other, image by image, or in the one map of a constant.
        """
        wanted = Cells(reach, of_constant)
        name = next((name for name, known in self.cells.items() if known == wanted), "")
        if not name:
            name = f"{PREFIX}cells_{len(self.cells)}"
            self.cells[name] = wanted
        return name

    def tap_weights(self, reach: Reach, axis: int, weights: NDArray[np.float32]) -> str:
        """The input with weights (n, positions, taps) of each window along y (0) or x (1)."""
        name = f"{PREFIX}weights_{len(self.weights)}"
        self.weights[name] = (reach, axis, weights)
        return name

    def rows_of(self, of: Windowed) -> Rows:
        """The rows of a map at hand; its nodes are put in when the graph is finished."""
        if of.name not in self.rows:
            k = len(self.rows)
            self.rows[of.name] = Rows(of.name, of.reach, f"{PREFIX}clean_{k}", f"{PREFIX}ring_{k}")
        return self.rows[of.name]

    def _once(self, key: tuple[object, ...], make: Callable[[], str]) -> str:
        if key not in self._contexts:
            self._contexts[key] = make()
        return self._contexts[key]

    def _stored_context(self, of: Windowed, target: Reach | None, maps: Maps, fill: float) -> str:
        assert of.stored is not None, "only for what DequantizeLinear makes"
        assert of.source is not None, "only for what DequantizeLinear makes"
        inner = self.context(of.source, target, maps, fill)
        name = f"{PREFIX}{len(self.nodes)}"
        self.copy(of.stored, {0: inner}).output[0] = name
        return name

    def _gathered(self, of: Windowed, target: Reach | None, maps: Maps, fill: float) -> str:
        rows, context = self._new_context(of, target, maps, fill)
        return self._as_map(self.emit("Gather", [rows_name(rows), context.index], axis=0), of)

    def _gathered_in_rows(self, of: Windowed, target: Reach, maps: Maps) -> str:
        rows, context = self._new_context(of, target, maps, 0.0)
        index = self.emit("Reshape", [context.index, self.constant(np.array([-1], np.int64))])
        return self.emit("Gather", [rows_name(rows), index], axis=0)

    def _new_context(self, of: Windowed, target: Reach | None, maps: Maps, fill: float) -> tuple[Rows, Context]:
        rows = self.rows_of(of)
        if fill not in rows.fills:
            rows.fills.append(fill)
        context = Context(f"{rows.ring}_index_{len(rows.contexts)}", target, maps, rows.fills.index(fill))
        rows.contexts.append(context)
        return rows, context

    def shape_of_window(self, of: Windowed) -> str:
        """The input with the shape (n, height, width, values…) of the windows of a map."""
        name = f"{PREFIX}shape_{len(self.shapes)}"
        self.shapes[name] = of
        return name

    def _as_map(self, by_row: str, like: Windowed) -> str:
        """(n, height, width, values) laid out as a map is."""
        lengths = [like.shape[axis] for axis in like.rest]
        if len(lengths) != 1:
            by_row = self.emit("Reshape", [by_row, self.constant(np.array([0, 0, 0, *lengths], np.int64))])
        if like.back == list(range(len(like.shape))):
            return by_row
        return self.emit("Transpose", [by_row], perm=like.back)


@dataclass(frozen=True)
class Mark:
    """How many nodes, stored tensors and gathered contexts there were, and of each map how many contexts and fills."""

    nodes: int
    initializers: int
    gathered: int
    rows: Mapping[str, tuple[int, int]]


def rows_form(name: str) -> str:
    """The tensor with the values of a map's windows in rows: (n * height * width, values)."""
    return f"{PREFIX}in_rows_{name}"


def rows_name(rows: Rows) -> str:
    """The tensor with the rows at hand of a map."""
    return rows.clean.replace("clean", "rows")
