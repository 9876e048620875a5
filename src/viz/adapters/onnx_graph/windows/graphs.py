"""The clean graph and the window graph of a model, made in one pass over its nodes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from viz.adapters.onnx_graph.cutting import needed_for, up_to
from viz.adapters.onnx_graph.receptive_field.tracing import VALUE_FREE
from viz.adapters.onnx_graph.walking import graphs_of
from viz.adapters.onnx_graph.windows.building import PREFIX, SLOTS, Building, rows_form, rows_name
from viz.adapters.onnx_graph.windows.context import Batch, Cells, Rows, gathering
from viz.adapters.onnx_graph.windows.facts import Facts
from viz.adapters.onnx_graph.windows.grouping import Costs
from viz.adapters.onnx_graph.windows.reach import Reach
from viz.adapters.onnx_graph.windows.rules import RULES
from viz.adapters.onnx_graph.windows.windowed import Whole, Windowed
from viz.adapters.onnx_graph.windows.worth import Worth
from viz.core.patch_plan import LayerPlan

# From this share of a map on, a window costs about what the whole map does (measured: docs/decisions/0014).
LARGEST_SHARE = 0.75
DOMAINS = frozenset({"", "ai.onnx", "com.microsoft"})


@dataclass(frozen=True, eq=False)
class WindowGraphs:
    """Two graphs made from one, and what to feed to them.

    Attributes:
        clean: gives the rows of the clean maps, and clean values, for any number of images.
        window: gives the wanted tensors, for any number of variants.
        outputs: for every wanted tensor its name among the window graph's outputs.
        clean_outputs: the clean graph's outputs, which are inputs of the window graph under the same names.
        layers: what is computed how.
        first_whole: why whole maps are computed, and from which operation on; "" where none are.
        costs: what windows cost, to put variants together.
        gain: how many times faster than whole passes they are expected to be, all in all.
    """

    clean: onnx.ModelProto
    window: onnx.ModelProto
    outputs: Mapping[str, str]
    clean_outputs: tuple[str, ...]
    layers: tuple[LayerPlan, ...]
    first_whole: str
    costs: Costs
    gain: float
    _rows: tuple[Rows, ...]
    _cells: Mapping[str, Cells]
    _weights: Mapping[str, tuple[Reach, int, NDArray[np.float32]]]
    _shapes: Mapping[str, Windowed]
    _needs_slots: bool

    def feeds(self, batch: Batch) -> dict[str, NDArray[np.generic]]:
        """The window graph's inputs that say where the windows of a batch lie."""
        found: dict[str, NDArray[np.generic]] = {}
        for rows in self._rows:
            found.update(gathering(rows, batch))
        found.update({name: of.rows(batch) for name, of in self._cells.items()})
        for name, (reach, axis, weights) in self._weights.items():
            length, first = batch.windows(reach)[axis]
            found[name] = weights[first[:, None] + np.arange(length)]
        for name, held in self._shapes.items():
            (height, _), (width, _) = batch.windows(held.reach)
            lengths = [held.shape[axis] for axis in held.rest]
            found[name] = np.array([len(batch), height, width, *lengths], np.int64)
        if self._needs_slots:
            found[SLOTS] = batch.slots.astype(np.int32)
        return found


def window_graphs(
    facts: Facts, side: int, wanted: Sequence[str], cap: float | None = None, largest_share: float = LARGEST_SHARE
) -> WindowGraphs:
    """Both graphs for squares of `side` pixels and the values of `wanted`. Raises `Whole` where there can be none."""
    making = _Making(facts, side, cap, largest_share)
    needed = needed_for(facts.graph, wanted)
    for node in facts.graph.node:
        if needed.intersection(node.output):
            making.add(node)
    return making.finished(wanted)


class _Making:
    """One pass over the nodes."""

    def __init__(self, facts: Facts, side: int, cap: float | None, largest_share: float):
        self._facts = facts
        self._building = Building(facts, side, cap, largest_share)
        self._first_whole = ""
        self._layers: list[LayerPlan] = []
        self._costs: list[tuple[Reach, float]] = []
        self._fixed_cost = 0.0
        self._worth = Worth()

    def add(self, node: onnx.NodeProto) -> None:
        """Write a node by windows, on whole maps, or as it is where the image does not matter to it."""
        building = self._building
        moving = [name for name in node.input if name in self._facts.moving]
        if any(graphs_of(node)) and self._inner_reads(node):
            raise Whole(f"{node.op_type} {node.name!r} holds graphs of its own")
        if node.op_type in VALUE_FREE and moving:
            self._add_shape(node)
        elif not moving:
            building.nodes.append(node)
        else:
            self._add_moving(node)

    def _add_moving(self, node: onnx.NodeProto) -> None:
        building = self._building
        before = building.mark()
        try:
            if any(name in building.whole for name in node.input):
                raise Whole("")
            rule = RULES.get(node.op_type) if node.domain in DOMAINS else None
            if rule is None:
                raise Whole("how it acts on windows is not known")
            rule(building, building.step(node))
        except Whole as reason:
            building.go_back(before)
            self._add_whole(node, str(reason))
        self._plan(node)

    def _add_whole(self, node: onnx.NodeProto, reason: str) -> None:
        building = self._building
        if reason and not self._first_whole:
            self._first_whole = f"{node.op_type} {node.output[0]!r}: {reason}"
        for name in filter(None, node.output):
            building.windows.pop(name, None)
            building.in_rows.discard(name)
            building.whole.add(name)
        building.copy(node, {i: building.whole_map(name) for i, name in enumerate(node.input) if name})

    def _inner_reads(self, node: onnx.NodeProto) -> bool:
        """Whether the graphs inside a node take something of the image from around it."""
        inner = {name for graph in graphs_of(node) for one in graph.node for name in one.input}
        return bool(inner & self._facts.moving)

    def _add_shape(self, node: onnx.NodeProto) -> None:
        """The shape of a window is not that of its map; the number of variants is right."""
        building = self._building
        held = building.windows.get(node.input[0])
        if held is None or node.op_type != "Shape":
            building.copy(node, {0: building.whole_map(node.input[0])})
            return
        lengths = building.emit("Shape", [held.name])
        count = building.emit("Gather", [lengths, building.constant(np.array([0], np.int64))], axis=0)
        rest = building.constant(np.array(held.shape[1:], np.int64))
        whole = building.emit("Concat", [count, rest], axis=0)
        step = building.step(node)
        start, end = step.attribute("start", 0), step.attribute("end", len(held.shape))
        picked = building.constant(np.arange(len(held.shape))[start:end].astype(np.int64))
        building.emit("Gather", [whole, picked], axis=0, output=node.output[0])

    # --- the plan ---------------------------------------------------------------------------

    def _plan(self, node: onnx.NodeProto) -> None:
        building = self._building
        for name in filter(None, node.output):
            held, macs = building.windows.get(name), self._facts.macs.get(name)
            values = int(np.prod((self._facts.shape(name) or (0,))[1:]))
            self._worth.add_layer(macs or 0, values, 1.0 if held is None else held.reach.share)
            if held is not None:
                height, width = held.reach.y.widest, held.reach.x.widest
                positions = held.reach.size[0] * held.reach.size[1]
                self._layers.append(
                    LayerPlan(name, node.op_type, "window", held.reach.size, (height, width), held.reach.share, macs)
                )
                if macs:
                    self._costs.append((held.reach, macs / positions))
            elif name in building.whole:
                size = self._size(name)
                self._layers.append(LayerPlan(name, node.op_type, "full", size, size, 1.0, macs))
                self._fixed_cost += macs or 0

    def _size(self, name: str) -> tuple[int, int]:
        spans, shape = self._facts.spans.get(name), self._facts.shape(name)
        if spans is None or shape is None or None in (spans[0].axis, spans[1].axis):
            return 1, 1
        y, x = (shape[span.axis or 0] for span in spans)
        return y, x

    # --- the two graphs -----------------------------------------------------------------------

    def finished(self, wanted: Sequence[str]) -> WindowGraphs:
        """Both graphs, without what nothing needs."""
        building = self._building
        if not any(layer.way == "window" for layer in self._layers):
            raise Whole(self._first_whole or "no layer depends on the image")
        outputs = {}
        for name in wanted:
            carried = building.whole_map(name)
            outputs[name] = building.emit("Identity", [carried], output=f"{PREFIX}of_{name}")
        rows = tuple(building.rows.values())
        window = self._window_graph(list(outputs.values()))
        needed = {value.name for value in window.graph.input}
        kept = tuple(replace(one, contexts=[c for c in one.contexts if c.index in needed]) for one in rows)
        kept = tuple(one for one in kept if one.contexts)
        clean_outputs = tuple(
            name for name in [*(one.clean for one in rows), *building.clean_values.values()] if name in needed
        )
        for one in kept:
            held = building.windows[one.tensor]
            self._worth.add_gathering(one, held.values)
        reaches = [reach for reach, _ in self._costs]
        return WindowGraphs(
            clean=self._clean_graph(clean_outputs),
            window=window,
            outputs=outputs,
            clean_outputs=clean_outputs,
            layers=tuple(self._layers),
            first_whole=self._first_whole,
            costs=Costs(reaches, np.array([cost for _, cost in self._costs]), self._fixed_cost),
            gain=self._worth.gain,
            _rows=kept,
            _cells={name: of for name, of in building.cells.items() if name in needed},
            _weights={name: given for name, given in building.weights.items() if name in needed},
            _shapes={name: of for name, of in building.shapes.items() if name in needed},
            _needs_slots=SLOTS in needed,
        )

    def _window_graph(self, outputs: Sequence[str]) -> onnx.ModelProto:
        building, graph = self._building, self._facts.graph
        nodes = list(self._with_forms(building.nodes))
        whole = helper.make_graph(nodes, f"{graph.name}_windows", [], [], [*graph.initializer, *building.initializers])
        whole.sparse_initializer.extend(graph.sparse_initializer)
        whole.input.extend(graph.input)
        whole.input.extend(self._inputs())
        part = up_to(_model(self._facts.model, whole), outputs)
        for node in part.graph.node:
            node.name = ""  # a node that is there twice may not have one name
        part.graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs)
        _free_size(part.graph, self._facts.image)
        return part

    def _with_forms(self, nodes: Sequence[onnx.NodeProto]) -> Iterable[onnx.NodeProto]:
        """The nodes, and after each that makes a map its other form and its rows at hand, where they are read."""
        building = self._building
        read = {name for node in nodes for name in node.input}
        read.update(rows_form(name) for name, rows in building.rows.items() if rows.contexts)
        maker = {rows_form(name) if name in building.in_rows else name: name for name in building.windows}
        yield from self._after(self._facts.image, read)
        for node in nodes:
            yield node
            for name in node.output:
                if name in maker:
                    yield from self._after(maker[name], read)

    def _after(self, name: str, read: Collection[str]) -> Iterable[onnx.NodeProto]:
        building, held = self._building, self._building.windows[name]
        turned = f"{rows_form(name)}_turned"
        if name in building.in_rows and name in read:
            yield helper.make_node("Reshape", [rows_form(name), building.shape_of_window(held)], [turned])
            yield helper.make_node("Transpose", [turned], [name], perm=held.back)
        elif name not in building.in_rows and rows_form(name) in read:
            shape = self._store(np.array([-1, held.values], np.int64), f"{turned}_shape")
            yield helper.make_node("Transpose", [name], [turned], perm=held.by_row)
            yield helper.make_node("Reshape", [turned, shape], [rows_form(name)])
        rows = building.rows.get(name)
        if rows is not None and rows.contexts:
            yield from self._rows_at_hand(rows, held)

    def _rows_at_hand(self, rows: Rows, held: Windowed) -> Iterable[onnx.NodeProto]:
        base, kind = rows_name(rows), helper.tensor_dtype_to_np_dtype(held.elem_type)
        padding = self._store(_filled(rows.fills, held.values, kind), f"{base}_padding")
        yield helper.make_node("Gather", [rows.clean, rows.ring], [f"{base}_around"], axis=0)
        yield helper.make_node("Concat", [padding, rows_form(rows.tensor), f"{base}_around"], [base], axis=0)

    def _store(self, value: NDArray[Any], name: str) -> str:
        self._building.initializers.append(numpy_helper.from_array(value, name))
        return name

    def _inputs(self) -> Iterable[onnx.ValueInfoProto]:
        """Declarations of all that the window graph may be given."""
        building = self._building
        for rows in building.rows.values():
            kind = building.windows[rows.tensor].elem_type
            yield helper.make_tensor_value_info(rows.clean, kind, [None, None])
            yield helper.make_tensor_value_info(rows.ring, TensorProto.INT32, [None])
            for context in rows.contexts:
                yield helper.make_tensor_value_info(context.index, TensorProto.INT32, [None, None, None])
        for name in building.cells:
            yield helper.make_tensor_value_info(name, TensorProto.INT32, [None, None, None])
        for name in building.shapes:
            yield helper.make_tensor_value_info(name, TensorProto.INT64, [None])
        for name in building.weights:
            yield helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None, None])
        for tensor, name in building.clean_values.items():
            kind = self._facts.types.get(tensor, TensorProto.FLOAT)
            yield helper.make_tensor_value_info(name, kind, [None] * len(self._facts.shape(tensor) or ()))
        yield helper.make_tensor_value_info(SLOTS, TensorProto.INT32, [None])

    def _clean_graph(self, outputs: Sequence[str]) -> onnx.ModelProto:
        building = self._building
        by_row = {rows.clean: building.windows[rows.tensor] for rows in building.rows.values()}
        values = {name: tensor for tensor, name in building.clean_values.items()}
        sources = [by_row[name].name if name in by_row else values[name] for name in outputs]
        part = up_to(self._facts.model, sources)
        if self._facts.image not in {value.name for value in part.graph.input}:
            part.graph.input.extend(value for value in self._facts.graph.input if value.name == self._facts.image)
        for name in outputs:
            nodes, stored = _as_rows(by_row[name], name) if name in by_row else _same(values[name], name)
            part.graph.node.extend(nodes)
            part.graph.initializer.extend(stored)
            part.graph.output.append(onnx.ValueInfoProto(name=name))
        return part


def _as_rows(held: Windowed, name: str) -> tuple[list[onnx.NodeProto], list[TensorProto]]:
    shape = numpy_helper.from_array(np.array([-1, held.values], np.int64), f"{name}_shape")
    turned = helper.make_node("Transpose", [held.name], [f"{name}_turned"], perm=held.by_row)
    return [turned, helper.make_node("Reshape", [f"{name}_turned", shape.name], [name])], [shape]


def _same(tensor: str, name: str) -> tuple[list[onnx.NodeProto], list[TensorProto]]:
    return [helper.make_node("Identity", [tensor], [name])], []


def _filled(fills: Sequence[float], values: int, kind: np.dtype[Any]) -> NDArray[np.generic]:
    """(fills, values) rows of padding; minus infinity becomes the least whole number where numbers are whole."""
    least = np.iinfo(kind).min if kind.kind in "iu" else -np.inf
    numbers = np.array([least if fill == -np.inf else fill for fill in fills])
    return np.repeat(numbers[:, None], values, axis=1).astype(kind)


def _model(like: onnx.ModelProto, graph: onnx.GraphProto) -> onnx.ModelProto:
    return helper.make_model(
        graph, opset_imports=like.opset_import, ir_version=like.ir_version, functions=list(like.functions)
    )


def _free_size(graph: onnx.GraphProto, image: str) -> None:
    """The image input takes squares of any size, which the file states otherwise."""
    for value in graph.input:
        if value.name == image:
            for axis, dim in enumerate(value.type.tensor_type.shape.dim):
                dim.ClearField("dim_value")
                dim.dim_param = f"viz_axis_{axis}"
