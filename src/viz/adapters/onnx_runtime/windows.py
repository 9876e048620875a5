"""Variants of images by windows on onnxruntime: the clean graph once per image, the window graph per batch."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper

from viz.adapters.onnx_graph.image_input import ImageInput
from viz.adapters.onnx_graph.windows import WindowGraphs
from viz.adapters.onnx_graph.windows.context import Batch
from viz.adapters.onnx_graph.windows.grouping import grouped
from viz.adapters.onnx_runtime import session as onnx_session
from viz.adapters.onnx_runtime.device_graph import Arrays, BoundGraph, Graph, Values
from viz.adapters.onnx_runtime.outputs import with_float_ends
from viz.adapters.onnx_runtime.placement import Placements, nodes_of_shapes
from viz.adapters.onnx_runtime.widened import HALF
from viz.core.errors import ModelError
from viz.core.memory import hand_back
from viz.core.patch_plan import PatchPlan
from viz.core.patch_runner import PatchRunner, Places
from viz.core.result import FloatArray

# Windows are smaller than whole maps: so many variants take about the memory of one whole image.
_VARIANTS_PER_IMAGE = 2
_KEPT_BYTES = 1 << 26  # of indices, which are the same from image to image


@dataclass(frozen=True)
class Machine:
    """Where graphs run.

    Attributes:
        device: on what.
        threads: of each call; 0: all cores.
        folder: where external data lies.
        placements: is told where their operators run.
    """

    device: onnx_session.Device
    threads: int
    folder: Path
    placements: Placements

    def graph(
        self, part: str, model: onnx.ModelProto, outputs: Mapping[str, str], further: Mapping[str, NDArray[Any]]
    ) -> Graph:
        """A graph that can be run: `part` of what is run, see `Graph` for the others."""
        session = onnx_session.make_session(model, self.folder, self.device, self.threads)
        self.placements.look(part, session, nodes_of_shapes(model.graph))
        memory = self.device.memory
        return BoundGraph(session, outputs, further, memory) if memory else Graph(session, outputs, further)


@dataclass(frozen=True)
class Ends:
    """How images go into the graphs and values come out.

    Attributes:
        image: the input that takes the images.
        encode: makes that input's values of images (b, 3, h, w).
        types: element types of the wanted tensors in the model.
        further: values of the model's other inputs.
        in_float32: whether the graphs are in float32 where the model is in half precision.
    """

    image: ImageInput
    encode: Callable[[FloatArray], NDArray[Any]]
    types: Mapping[str, int]
    further: Mapping[str, NDArray[Any]]
    in_float32: bool

    def encoded(self, images: FloatArray) -> NDArray[Any]:
        """Images as the graphs take them."""
        values = self.encode(np.ascontiguousarray(images))
        return values.astype(np.float32) if self.in_float32 else values

    def wanted(self, name: str) -> int:
        """The element type of a wanted tensor in the window graph."""
        kind = self.types.get(name, 0)
        return TensorProto.FLOAT if self.in_float32 and kind in HALF else kind

    def decoded(self, name: str, value: NDArray[Any]) -> FloatArray:
        """A wanted tensor as the model gives it, rounded as there."""
        if self.in_float32 and self.types.get(name) == TensorProto.FLOAT16:
            value = value.astype(np.float16)
        return np.asarray(value, np.float32)


@dataclass(frozen=True)
class Begun:
    """Images whose clean pass is done: what the window graph takes from it, and the encoded fills."""

    clean: Values
    fills: NDArray[Any]


class WindowRunner(PatchRunner):
    """See `PatchRunner`.

    Args:
        plan: what is computed how.
        graphs: the two graphs.
        ends: how images go in and values come out.
        machine: where to run.
        tolerance: see `PatchRunner`.
    """

    def __init__(self, plan: PatchPlan, graphs: WindowGraphs, ends: Ends, machine: Machine, tolerance: float):
        self.plan, self.tolerance = plan, tolerance
        self._graphs, self._ends, self._machine = graphs, ends, machine
        self._image = ends.image
        self._lock = threading.Lock()
        self._sessions: tuple[Graph, Graph] | None = None
        self._indices = _Kept(_KEPT_BYTES)

    def prepare(self) -> None:
        """See `PatchRunner.prepare`: the two sessions."""
        self._made()
        hand_back()

    def batches(self, places: Places, at_once: int) -> Sequence[NDArray[np.intp]]:
        """See `PatchRunner.batches`: variants with windows of like sizes."""
        return grouped(self._graphs.costs, places[:, 1], places[:, 2], at_once * _VARIANTS_PER_IMAGE)

    def begin(self, images: FloatArray, fills: FloatArray) -> Begun:
        """See `PatchRunner.begin`."""
        clean, _ = self._made()
        return Begun(clean.kept({self._image.name: self._ends.encoded(images)}), self._ends.encoded(fills))

    def run(self, begun: Begun, places: Places) -> dict[str, FloatArray]:
        """See `PatchRunner.run`."""
        _, windows = self._made()
        indices = self._indices.get(places.tobytes(), lambda: self._feeds(places), windows.held)
        squares = self._squares(begun.fills, places)
        found = windows({self._image.name: squares, **begun.clean, **indices})
        for name, value in found.items():
            if value.ndim == 0 or len(value) != len(places):
                raise ModelError(f"{name!r} gave shape {value.shape} for {len(places)} variants")
        return {name: self._ends.decoded(name, value) for name, value in found.items()}

    def _feeds(self, places: Places) -> Arrays:
        slots, tops, lefts = places.T
        return dict(self._graphs.feeds(Batch(slots, tops, lefts)))

    def _squares(self, fills: NDArray[Any], places: Places) -> NDArray[Any]:
        """What stands in each variant's square, in the model's input format."""
        side = self.plan.side
        if self._image.layout == "nchw":
            crops = [fills[i, :, top : top + side, left : left + side] for i, top, left in places.tolist()]
        else:
            crops = [fills[i, top : top + side, left : left + side] for i, top, left in places.tolist()]
        return np.stack(crops)

    def _made(self) -> tuple[Graph, Graph]:
        """Both sessions, made on first use."""
        with self._lock:
            if self._sessions is None:
                self._sessions = self._clean_session(), self._window_session()
            return self._sessions

    def _clean_session(self) -> Graph:
        outputs = {name: name for name in self._graphs.clean_outputs}
        return self._machine.graph("clean pass", self._graphs.clean.model(), outputs, self._ends.further)

    def _window_session(self) -> Graph:
        outputs, model = self._graphs.outputs, self._graphs.window.model()
        types = {held: self._ends.wanted(name) for name, held in outputs.items()}
        carried = with_float_ends(model, self._image, types)
        answers = {name: carried[held] for name, held in outputs.items()}
        return self._machine.graph("windows", model, answers, self._ends.further)


class _Kept:
    """What was computed last, up to so many bytes in all."""

    def __init__(self, most: int):
        self._most, self._bytes = most, 0
        self._found: dict[bytes, Values] = {}
        self._lock = threading.Lock()

    def get(self, key: bytes, make: Callable[[], Arrays], held: Callable[[Arrays], Values]) -> Values:
        """What was kept under a key, or what `make` gives, which is then held and kept while there is room."""
        with self._lock:
            if key in self._found:
                return self._found[key]
        arrays = make()
        size = sum(value.nbytes for value in arrays.values())
        with self._lock:
            if key in self._found or self._bytes + size > self._most:
                return arrays
            self._found[key] = made = held(arrays)
            self._bytes += size
        return made


def run_node(
    opset: int, operator: str, names: list[str], values: Mapping[str, NDArray[Any]], attributes: Mapping[str, Any]
) -> NDArray[Any]:
    """The first output of one node, run alone on the CPU."""
    node = helper.make_node(operator, names, ["y"], **attributes)
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, values["x"].shape)]
    stored = [onnx.numpy_helper.from_array(value, name) for name, value in values.items() if name != "x"]
    graph = helper.make_graph([node], "one_node", inputs, [onnx.ValueInfoProto(name="y")], stored)
    graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    try:
        session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return np.asarray(session.run(["y"], {"x": values["x"]})[0])
    except Exception as problem:  # onnxruntime raises its own C++ exceptions, without a common base
        raise onnx_session.session_error(problem) from None
