"""The clean graph and the window graph put together from what was written: without weights until they are run."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from viz.adapters.onnx_graph.cutting import up_to
from viz.adapters.onnx_graph.walking import all_nodes
from viz.adapters.onnx_graph.windows.building import SLOTS, Building, rows_form, rows_name
from viz.adapters.onnx_graph.windows.context import Rows
from viz.adapters.onnx_graph.windows.windowed import Windowed


@dataclass(frozen=True, eq=False)
class Skeleton:
    """A graph without its weights, which lie in the model and are copied only while a session is made of both.

    Attributes:
        graph: the model without stored tensors.
        stored: the graph that has the model's weights.
        own: further stored tensors.
    """

    graph: onnx.ModelProto
    stored: onnx.GraphProto
    own: Sequence[TensorProto]

    @property
    def inputs(self) -> frozenset[str]:
        """Names of its inputs."""
        return frozenset(value.name for value in self.graph.graph.input)

    def model(self) -> onnx.ModelProto:
        """A copy with the weights that it needs."""
        whole = onnx.ModelProto()
        whole.CopyFrom(self.graph)
        read = {name for node in all_nodes(whole.graph.node) for name in node.input}
        whole.graph.initializer.extend(one for one in (*self.stored.initializer, *self.own) if one.name in read)
        sparse = (one for one in self.stored.sparse_initializer if one.values.name in read)
        whole.graph.sparse_initializer.extend(sparse)
        return whole


class Assembly:
    """Puts both graphs together."""

    def __init__(self, building: Building):
        self._building, self._facts = building, building.facts

    def window(self, outputs: Sequence[str]) -> Skeleton:
        """The window graph: gives `outputs`, and takes what of its inputs they need."""
        building, graph = self._building, self._facts.graph
        nodes = list(self._with_forms(building.nodes))
        part = up_to(self._model(nodes, [*graph.input, *self._inputs()]), outputs)
        for node in part.graph.node:
            node.name = ""  # a node that is there twice may not have one name
        part.graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs)
        _free_size(part.graph, self._facts.image)
        return Skeleton(part, graph, tuple(building.initializers))

    def clean(self, outputs: Sequence[str]) -> Skeleton:
        """The clean graph: gives rows of whole maps, and values, under the names of the window graph's inputs."""
        building, graph = self._building, self._facts.graph
        by_row = {rows.clean: building.windows[rows.tensor] for rows in building.rows.values()}
        values = {name: tensor for tensor, name in building.clean_values.items()}
        sources = [by_row[name].name if name in by_row else values[name] for name in outputs]
        part = up_to(self._model(graph.node, graph.input), [self._facts.image, *sources])
        stored: list[TensorProto] = []
        for name in outputs:
            nodes, more = _as_rows(by_row[name], name) if name in by_row else _same(values[name], name)
            part.graph.node.extend(nodes)
            part.graph.output.append(onnx.ValueInfoProto(name=name))
            stored += more
        return Skeleton(part, graph, stored)

    def _model(self, nodes: Iterable[onnx.NodeProto], inputs: Iterable[onnx.ValueInfoProto]) -> onnx.ModelProto:
        """A model of these nodes, without stored tensors."""
        like, graph = self._facts.model, onnx.GraphProto(name=f"{self._facts.graph.name}_windows")
        graph.node.extend(nodes)
        graph.input.extend(inputs)
        opsets, functions = like.opset_import, list(like.functions)
        return helper.make_model(graph, opset_imports=opsets, ir_version=like.ir_version, functions=functions)

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


def _free_size(graph: onnx.GraphProto, image: str) -> None:
    """The image input takes squares of any size, which the file states otherwise."""
    for value in graph.input:
        if value.name == image:
            for axis, dim in enumerate(value.type.tensor_type.shape.dim):
                dim.ClearField("dim_value")
                dim.dim_param = f"viz_axis_{axis}"
