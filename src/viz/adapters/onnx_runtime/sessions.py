"""Sessions of onnxruntime for one graph: any of its tensors, any batch, from pixels or from an inner tensor on."""

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper

from viz.adapters.onnx_graph.cutting import cut_at
from viz.adapters.onnx_graph.file import Constants
from viz.adapters.onnx_graph.image_input import ImageInput
from viz.adapters.onnx_graph.tensors import Tensors
from viz.adapters.onnx_graph.windows import WindowGraphs
from viz.adapters.onnx_runtime import session as onnx_session
from viz.adapters.onnx_runtime.open_batch import open_batch
from viz.adapters.onnx_runtime.outputs import with_float_ends
from viz.adapters.onnx_runtime.placement import Placements, nodes_of_shapes
from viz.adapters.onnx_runtime.tail import CUT_TOLERANCE, Tail
from viz.adapters.onnx_runtime.widened import widened
from viz.adapters.onnx_runtime.windows import Ends, Machine, WindowRunner
from viz.core.errors import ModelError, NotSupported, OutOfMemory
from viz.core.model_options import REDUCED
from viz.core.patch_plan import PatchPlan
from viz.core.preprocess import Preprocess
from viz.core.result import FloatArray

# How far images run together may stray from images run alone, relative to the tensor's largest value.
# Reduced precision rounds differently with another order of summation; a graph that mixes images up
# is off by far more.
_BATCH_TOLERANCE = {"float32": 1e-4, "float16": 2e-2, "bfloat16": 5e-2, "quantized": 2e-2}
# The same for windows beside whole passes. On a CPU both compute alike; elsewhere sums may be reduced in precision.
_WINDOW_TOLERANCE = {"float32": 1e-4, "float16": 5e-3, "quantized": 1e-4}
_WINDOW_TOLERANCE_ELSEWHERE = {"float32": 1e-3, "float16": 2e-2, "bfloat16": 5e-2, "quantized": 2e-2}
# Number formats in which an inner tensor can be given from outside.
_GIVABLE = frozenset((TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.UINT8, TensorProto.INT8))
_UNROUNDED = "\0unrounded"  # no tensor has this name: marks sessions with a float input


@dataclass
class Program:
    """A session for one set of tensors.

    Attributes:
        carried: for every tensor the output that carries it.
        whole_batches: whether batches may be run whole.
        of_shapes: names of nodes that compute shapes only.
    """

    session: ort.InferenceSession
    carried: Mapping[str, str]
    whole_batches: bool
    of_shapes: frozenset[str]


class Sessions:
    """All sessions of a graph, made and checked on first use and kept for the next call.

    Args:
        model: the graph.
        folder: where its external data lies.
        image: the input that takes the images.
        preprocess: how pixels become its values.
        further: values of the other inputs.
        tensors: shapes and types of its tensors.
        device: where to run, each call with `threads` threads (0: all cores).
        name: the model's name, for error messages.
        check_name: raises for a tensor that there is not.
        note: told what the user should know about how the graph is run.
        apart: images are run one by one, without trying whether several may go together, as large ones are.
    """

    def __init__(
        self,
        model: ModelProto,
        folder: Path,
        image: ImageInput,
        preprocess: Preprocess,
        further: Mapping[str, NDArray[Any]],
        tensors: Tensors,
        device: onnx_session.Device,
        threads: int,
        name: str,
        check_name: Callable[[str], None],
        note: Callable[[str], None],
        apart: bool = False,
    ):
        self._model, self._folder, self._image, self._preprocess = model, folder, image, preprocess
        self._further, self._tensors, self._device, self._threads = further, tensors, device, threads
        self._name, self._check_name, self._note = name, check_name, note
        self._apart = apart
        self.dtype = helper.tensor_dtype_to_np_dtype(image.elem_type)
        self._start()

    def _start(self) -> None:
        self._constants = Constants(self._model.graph, self._folder)
        self._programs: dict[tuple[str, ...], Program] = {}
        self._tails: dict[tuple[str, tuple[str, ...]], Tail] = {}
        self._opened: ModelProto | None = None
        self._making = threading.RLock()
        self._float32: Sessions | None = None
        self._placements = Placements(self._note)

    def of(self, model: ModelProto, note: Callable[[str], None]) -> "Sessions":
        """Sessions of the same graph with other weights."""
        twin = copy(self)
        twin._model, twin._note = model, note
        twin._start()
        return twin

    def in_float32(self) -> "Sessions":
        """Sessions of the same graph on the same device, not in reduced precision; these, where they are not."""
        if not self._is_reduced:
            return self
        with self._making:
            if self._float32 is None:
                self._float32 = copy(self)
                self._float32._device = self._device.computing("float32")
                self._float32._start()
            return self._float32

    def values(self, images: FloatArray, names: tuple[str, ...]) -> dict[str, FloatArray]:
        """Values of tensors for images (b, 3, h, w); see `Adapter.run`."""
        program = self.program(names)
        whole = program.whole_batches or len(images) == 1 == (self._image.batch or 1)
        return self.run_whole(program, images) if whole else self.run_in_pieces(program, images)

    def program(self, names: tuple[str, ...]) -> Program:
        """The session for these tensors, made and checked on first use."""
        with self._making:
            if names not in self._programs:
                for name in names:
                    self._check_name(name)
                self._programs[names] = program = self._make_program(names)
                self._placements.look("the model", program.session, program.of_shapes)
            return self._programs[names]

    def unrounded_program(self, names: tuple[str, ...]) -> Program:
        """The same in float32 throughout, from a float32 input; see `Adapter.run_unrounded`."""
        key = (_UNROUNDED, *names)
        with self._making:
            if key not in self._programs:
                folder = str(self._folder)
                floating = widened(self._model, self._image.name, folder)
                self._programs[key] = self._session(floating, names, whole_batches=False, typed=False)
            return self._programs[key]

    def tail(self, layer: str, wanted: tuple[str, ...]) -> Tail:
        """The session from `layer` on, made and checked on first use."""
        with self._making:
            if (layer, wanted) not in self._tails:
                for name in (layer, *wanted):
                    self._check_name(name)
                self._tails[layer, wanted] = self._make_tail(layer, wanted)
            return self._tails[layer, wanted]

    def for_any_batch(self) -> ModelProto:
        """The graph that takes any number of images."""
        return self._model if self._image.batch is None else self._open()

    def window_runner(
        self, plan: PatchPlan, graphs: WindowGraphs, layers: Sequence[str], in_float32: bool
    ) -> WindowRunner:
        """What runs the two graphs of a plan as this graph is run; `in_float32` where they are, and this is not."""
        types = {name: self._tensors.types.get(name, 0) for name in layers}
        ends = Ends(self._image, self.encoded, types, self._further, in_float32)
        machine = Machine(self._device, self._threads, self._folder, self._placements)
        tolerances = _WINDOW_TOLERANCE if self.on_cpu else _WINDOW_TOLERANCE_ELSEWHERE
        return WindowRunner(plan, graphs, ends, machine, tolerances[self._rounding()])

    def evidence(self) -> dict[str, object]:
        """Which operators run elsewhere than asked for, in plain values for run.json; {} on a CPU."""
        return self._placements.evidence()

    @property
    def on_cpu(self) -> bool:
        """Whether onnxruntime's own CPU kernels run the graph."""
        return self._device.provider == "CPUExecutionProvider"

    def run_whole(self, program: Program, images: FloatArray) -> dict[str, FloatArray]:
        """All images in one call."""
        return self.checked(program, self.feed(program, self.encoded(images)), len(images))

    def run_in_pieces(
        self, program: Program, images: FloatArray, encode: Callable[[FloatArray], NDArray[Any]] | None = None
    ) -> dict[str, FloatArray]:
        """As many images at a time as the graph was made for, the last piece filled up with copies."""
        encode = encode or self.encoded
        size = self._image.batch or 1
        pieces = []
        for start in range(0, len(images), size):
            piece = images[start : start + size]
            filled = piece if len(piece) == size else np.concatenate([piece, piece[-1:].repeat(size - len(piece), 0)])
            values = self.checked(program, self.feed(program, encode(filled)), len(filled))
            pieces.append({name: value[: len(piece)] for name, value in values.items()})
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in program.carried}

    def feed(self, program: Program, inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """The raw outputs for images already in the model's input format."""
        try:
            values: list[NDArray[Any]] = program.session.run(
                list(program.carried.values()), {self._image.name: inputs, **self._further}
            )
        except Exception as problem:  # onnxruntime raises its own C++ exceptions, without a common base
            raise onnx_session.session_error(problem) from None
        return values

    def checked(self, program: Program, values: Sequence[NDArray[Any]], count: int) -> dict[str, FloatArray]:
        """Outputs by tensor name, as float32, each with one row per image."""
        found = dict(zip(program.carried, values, strict=True))
        for name, value in found.items():
            if value.ndim == 0 or len(value) != count:
                raise ModelError(f"{name!r} gave shape {value.shape} for {count} images: it has no batch axis")
        return {name: np.asarray(value, np.float32) for name, value in found.items()}

    def raw_values(self, names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Any tensors as the graph gives them for its own batch, with or without a batch axis."""
        return self._raw_values(self._session(self._model, names, whole_batches=False))

    def unfolded_values(self, model: ModelProto, names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The same of another graph with these inputs; every node runs, where shapes could also be foretold."""
        return self._raw_values(self._session(model, names, whole_batches=False, optimized=False))

    def _raw_values(self, program: Program) -> dict[str, NDArray[Any]]:
        inputs = self.encoded(self.noise(self._image.batch or 1))
        return dict(zip(program.carried, self.feed(program, inputs), strict=True))

    def noise(self, count: int) -> FloatArray:
        """Different random images, dark to bright where there are several, the same in every run."""
        noise = np.random.default_rng(0).random((count, 3, *self._preprocess.size), np.float32)
        if count == 1:
            return noise
        brightness = np.linspace(0, 0.5, count, dtype=np.float32)
        return np.asarray(noise / 2 + brightness[:, None, None, None], np.float32)

    def encoded(self, images: FloatArray) -> NDArray[Any]:
        """Images (b, 3, h, w) as the graph's input, in its own element type."""
        values = self._preprocess.encode(images)
        if self._image.integer:
            return np.rint(values).astype(self.dtype)
        return values if self.dtype.kind != "f" else values.astype(self.dtype, copy=False)

    def arithmetic(self) -> str:
        """What limits how well two ways of computing agree: "quantized", "float16" or "float32"."""
        ops = {node.op_type for node in self._model.graph.node}
        if any(op.startswith("QLinear") or "Quantize" in op or op.endswith("Integer") for op in ops):
            return "quantized"
        half = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
        return "float16" if any(tensor.data_type in half for tensor in self._model.graph.initializer) else "float32"

    def _make_program(self, names: tuple[str, ...]) -> Program:
        """Prefer a graph that takes any batch; keep it only if three images together equal three alone."""
        single = self._session(self._model, names, whole_batches=False)
        if self._apart:
            return single
        images = self.noise(3)
        alone = self.run_in_pieces(single, images)
        if self._image.batch is not None and any(node.op_type in ("If", "Loop") for node in self._model.graph.node):
            # What three images of noise do says nothing: others may have to take different branches.
            return self._looping(single, "its If or Loop would go one way for all images")
        try:
            together_program = single if self._image.batch is None else self._session(self._open(), names, True)
            together_program = replace(together_program, whole_batches=True)
            together = self.run_whole(together_program, images)
        except OutOfMemory:
            raise
        except ModelError as problem:
            return self._looping(single, _short(problem.problem))
        worst = max((_difference(alone[name], together[name]) for name in names), default=0.0)
        if worst > self.tolerance():
            return self._looping(single, f"three images together differ from three alone by {worst:.2g} of the range")
        return together_program

    def _looping(self, single: Program, reason: str) -> Program:
        size = self._image.batch or 1
        self._note(f"the graph takes {size} image(s) at a time and cannot be opened to more: images run one by one")
        self._note(f"why: {reason}")
        return single

    def _make_tail(self, layer: str, wanted: tuple[str, ...]) -> Tail:
        """Prefer a graph that takes any number of rows; keep only what goes on as the whole model does."""
        clean = self.values(self.noise(3), (layer, *wanted))
        size = self._image.batch
        worst = float("inf")
        for at_a_time in (None, size or 1):
            model = self._model if size is None or at_a_time else self._open()
            tail = self._tail_of(model, layer, wanted, at_a_time)
            with contextlib.suppress(ModelError):
                found = tail.run(clean[layer])
                worst = max(_difference(clean[name], found[name]) for name in wanted)
            if worst <= CUT_TOLERANCE[self._rounding()]:
                return tail
        raise NotSupported(
            f"{self._name} cannot be cut at {layer!r}: from there on it gives other values than as a whole",
            "choose another layer",
        )

    def _tail_of(self, model: ModelProto, layer: str, wanted: Sequence[str], at_a_time: int | None) -> Tail:
        # Behind operators of other domains the file does not say the type: the values do.
        kind = self._tensors.types.get(layer) or helper.np_dtype_to_tensor_dtype(self.raw_values([layer])[layer].dtype)
        if kind not in _GIVABLE:
            name = TensorProto.DataType.Name(kind).lower()
            raise NotSupported(f"the values of {layer!r} are {name}, which cannot be given", "choose another layer")
        program = self._session(cut_at(model, layer, kind, wanted, self._image.name), wanted, at_a_time is None)
        image = (self._image.name, self.encoded(self.noise(1)))
        dtype = helper.tensor_dtype_to_np_dtype(kind)
        return Tail(program.session, program.carried, dtype, at_a_time, image, self._further)

    def _open(self) -> ModelProto:
        if self._opened is None:
            self._opened = open_batch(self._model, self._image, self._constants, self._tensors.shapes)
        return self._opened

    def _session(
        self, model: ModelProto, names: Sequence[str], whole_batches: bool, typed: bool = True, optimized: bool = True
    ) -> Program:
        wanted = {name: self._tensors.types.get(name, 0) if typed else 0 for name in names}
        # Weights are copied here once per session, not per run; external ones stay in their file.
        shown = ModelProto()
        shown.CopyFrom(model)
        carried = with_float_ends(shown, self._image, wanted)
        folder = self._folder
        session = onnx_session.make_session(shown, folder, self._device, self._threads, optimized)
        return Program(session, carried, whole_batches, nodes_of_shapes(shown.graph))

    def tolerance(self) -> float:
        """How far the same values may stray when they are computed in another company, relative to the largest."""
        return _BATCH_TOLERANCE[self._rounding()]

    @property
    def _is_reduced(self) -> bool:
        return self._device.precision in REDUCED

    def _rounding(self) -> str:
        """`arithmetic`, or "float16" or "bfloat16" where the device computes in that."""
        return {"fp16": "float16", "bf16": "bfloat16"}.get(self._device.precision, self.arithmetic())


def _short(reason: str) -> str:
    """onnxruntime's reasons go on with places in its own source; the beginning says what happened."""
    return reason if len(reason) <= 160 else reason[:160].rsplit(" ", 1)[0] + " …"


def _difference(a: FloatArray, b: FloatArray) -> float:
    """Largest difference relative to the largest value; infinite where shapes or finiteness differ."""
    if a.shape != b.shape or not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return float("inf")
    if not a.size:
        return 0.0
    scale = float(np.nanmax(np.abs(a))) or 1.0
    return float(np.nanmax(np.abs(a - b))) / scale
