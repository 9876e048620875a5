"""Any ONNX file, forward, on onnxruntime: pixels in, any tensor out, any batch."""

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper

from viz.adapters.onnx_graph.cutting import cut_at
from viz.adapters.onnx_graph.file import Constants, OnnxFile, read
from viz.adapters.onnx_graph.image_input import further_inputs, image_input
from viz.adapters.onnx_graph.layers import list_layers
from viz.adapters.onnx_graph.randomized import randomized
from viz.adapters.onnx_graph.scores import find_scores
from viz.adapters.onnx_graph.tensors import Tensors
from viz.adapters.onnx_runtime import session as onnx_session
from viz.adapters.onnx_runtime.canvas import Canvas
from viz.adapters.onnx_runtime.open_batch import open_batch
from viz.adapters.onnx_runtime.outputs import with_float_ends
from viz.adapters.onnx_runtime.survey import Values, survey
from viz.adapters.onnx_runtime.tail import CUT_TOLERANCE, Tail, names_apart
from viz.adapters.onnx_runtime.tracing import CheckedTracing
from viz.adapters.onnx_runtime.widened import widened
from viz.core.adapter import Adapter, Layer, LazyLayers, ModelSource, Rule, Trace, per_image
from viz.core.agreement import Agreement
from viz.core.errors import ModelError, NotSupported, OutOfMemory, UnknownName, UsageError
from viz.core.model_options import ModelOptions
from viz.core.patches import Patched
from viz.core.preprocess import Layout
from viz.core.result import FloatArray
from viz.core.sources.labels import resolve_labels
from viz.core.sources.preprocess import InputFacts, resolve_preprocess

if TYPE_CHECKING:
    from torch import Tensor

    from viz.adapters.onnx_torch.differentiable import DifferentiableGraph

# How far images run together may stray from images run alone, relative to the tensor's largest value.
# Reduced precision rounds differently with another order of summation; a graph that mixes images up
# is off by far more.
_BATCH_TOLERANCE = {"float32": 1e-4, "float16": 2e-2, "quantized": 2e-2}
# Number formats in which an inner tensor can be given from outside.
_GIVABLE = frozenset((TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.UINT8, TensorProto.INT8))
_UNROUNDED = "\0unrounded"  # no tensor has this name: marks sessions with a float input


@dataclass
class _Program:
    """A session for one set of tensors: which output carries each, and whether batches may be run whole."""

    session: ort.InferenceSession
    carried: Mapping[str, str]
    whole_batches: bool


class OnnxAdapter(Adapter):
    """An ONNX file on onnxruntime. See `viz.core.adapter.Adapter` for the contract."""

    def __init__(self, path: Path, options: ModelOptions, spec: str = "", zoo: Mapping[str, Any] | None = None):
        self._file: OnnxFile = read(path)
        self._options = options
        graph = self._file.graph
        self._image = image_input(graph, cast(Layout | None, options.layout))
        self.notes = [*self._file.notes]
        self.preprocess, guesses = resolve_preprocess(
            self._facts(), options, path, self._file.metadata, (zoo or {}).get("preprocess")
        )
        self._further = further_inputs(graph, self._image, options.input)
        self._dtype = helper.tensor_dtype_to_np_dtype(self._image.elem_type)
        self._check_integer_range()
        self._constants = Constants(graph, path.absolute().parent)
        self._tensors = Tensors(self._file, self._image, self.preprocess.size)
        self.layers = LazyLayers(self._list_layers)
        self._names = {name for node in graph.node for name in node.output if name}
        self.outputs = tuple(value.name for value in graph.output)
        self._device = onnx_session.choose_device(options)
        self.parallel = onnx_session.workers(self._device, options.threads)
        # Side by side, each call has one thread; where calls come one by one, they have all that are allowed.
        self._threads = 1 if self.parallel > 1 else options.threads or 0
        runtime = f"onnxruntime {ort.__version__}"
        details = {"precision of gradients": "native"} if options.precision == "native" else {}
        self.source = ModelSource(path.stem, spec or str(path), self._file.sha256, runtime, self._device.name, details)
        self._programs: dict[tuple[str, ...], _Program] = {}
        self._tails: dict[tuple[str, tuple[str, ...]], Tail] = {}
        self._opened: ModelProto | None = None
        self._making = threading.RLock()
        self._local = threading.local()  # each thread draws on a canvas of its own
        self.tracing = CheckedTracing(
            self._differentiable, self.run, lambda: self.layers, self.outputs, self._arithmetic(), path.stem
        )
        self.forward_tolerance = self.tracing.tolerance
        self._find_scores()
        classes = self.scores.classes if self.scores else None
        self.labels, doubts = resolve_labels(options, path, self._file.metadata, classes, zoo)
        self.warnings = (*guesses, *doubts)

    def run(self, images: FloatArray, layers: Sequence[str]) -> dict[str, FloatArray]:
        """See `Adapter.run`. One session per set of layers, kept for the next call."""
        names = tuple(dict.fromkeys(layers))
        program = self._program(names)
        whole = program.whole_batches or len(images) == 1 == (self._image.batch or 1)
        return self._run_whole(program, images) if whole else self._run_in_pieces(program, images)

    def run_patched(self, patched: Patched, layers: Sequence[str]) -> dict[str, FloatArray]:
        """See `Adapter.run_patched`: variants are drawn in the model's own input format."""
        program = self._program(tuple(dict.fromkeys(layers)))
        if not program.whole_batches:
            return self.run(patched.drawn(), layers)
        canvas: Canvas | None = getattr(self._local, "canvas", None)
        if canvas is None or not canvas.shows(patched):
            canvas = Canvas(patched.images, patched.fills, self._encoded, self.preprocess.layout)
            self._local.canvas = canvas
        return self._checked(program, self._feed(program, canvas.draw(patched)), len(patched))

    def run_unrounded(self, images: FloatArray, layers: Sequence[str]) -> dict[str, FloatArray]:
        """See `Adapter.run_unrounded`: the same graph in float32 throughout, from a float32 input."""
        if not self._image.integer and self._arithmetic() != "float16":
            return self.run(images, layers)
        names = tuple(dict.fromkeys(layers))
        try:
            program = self._unrounded_program(names)
        except ModelError as problem:
            raise NotSupported(
                f"{self.source.name} cannot be run in float32 from a float32 input: {problem.problem}",
                "small steps of a pixel cannot be tried on it",
            ) from None
        return self._run_in_pieces(program, images, self.preprocess.encode)

    def run_from(self, layer: str, values: FloatArray, layers: Sequence[str]) -> dict[str, FloatArray]:
        """See `Adapter.run_from`: in a quantized tensor, values are the stored whole numbers, rounded."""
        wanted = names_apart(layer, layers)
        found = self._tail(layer, wanted).run(values) if wanted else {}
        return {name: np.array(values) if name == layer else found[name] for name in layers}

    def trace(self, images: "Tensor", layers: Sequence[str], rule: Rule = "plain") -> Trace:
        """See `Adapter.trace`: through our own executor, its values checked against onnxruntime's on first use."""
        for name in layers:
            self._known(name)
        found = self.tracing.trace(images, tuple(dict.fromkeys(layers)), rule)
        self.notes += [note for note in self.tracing.notes if note not in self.notes]
        return found

    def trace_double(self, images: "Tensor", layers: Sequence[str]) -> Trace:
        """See `Adapter.trace_double`."""
        return self.tracing.double.trace(images, layers)

    def agreement(self, image: FloatArray) -> Agreement:
        """See `Adapter.agreement`; for a graph that rounds between its layers, operation by operation."""
        return self.tracing.agreement(image[None])

    def evidence(self) -> Mapping[str, object]:
        """See `Adapter.evidence`."""
        return self.tracing.evidence()

    def randomized(self, seed: int, part: float = 1.0) -> "OnnxAdapter":
        """See `Adapter.randomized`: the new weights are in memory only."""
        model = randomized(self._file.model, self._file.path.absolute().parent, seed, part)
        twin = copy(self)
        twin._file = replace(self._file, model=model, sha256="")
        twin._constants = Constants(model.graph, self._file.path.absolute().parent)
        twin.layers = LazyLayers(lambda: self.layers)  # the same graph
        twin.source = replace(self.source, sha256="", details={**self.source.details, "randomized": f"{part:g}"})
        twin.notes = []
        twin._programs, twin._tails, twin._opened = {}, {}, None
        twin._making, twin._local = threading.RLock(), threading.local()
        twin.tracing = CheckedTracing(
            twin._differentiable, twin.run, lambda: twin.layers, twin.outputs, twin._arithmetic(), twin._file.path.stem
        )
        return twin

    # --- set-up -------------------------------------------------------------------------------

    def _facts(self) -> InputFacts:
        image = self._image
        signed = image.elem_type == TensorProto.INT8
        return InputFacts(image.size, image.channels, image.layout, image.integer, signed)

    def _check_integer_range(self) -> None:
        """Whole-number inputs must hold what black and white become; anything else would wrap around."""
        if not self._image.integer:
            return
        ends = self.preprocess.encode(np.stack([np.full((3, 1, 1), v, np.float32) for v in (0, 1)]))
        limits = np.iinfo(self._dtype)
        if ends.min() < limits.min or ends.max() > limits.max:
            raise UsageError(
                f"the model takes {self._dtype}, but pixels become {ends.min():g} to {ends.max():g}",
                f"give --range {limits.min},{limits.max}, or another --preprocess",
            )

    def _find_scores(self) -> None:
        """Scores as the graph shows them, then one trial run: does it run, and what do the values say?"""
        self.scores, notes = find_scores(self._file.graph, self._tensors, self._options.output)
        self.notes += notes
        trial = self._noise(1)
        if self.scores is None:
            self.run(trial, self.outputs[:1])
            return
        name = self.scores.logits or self.scores.probabilities
        assert name is not None, "Scores name logits, probabilities or both"
        values = per_image(self.run(trial, [name])[name])
        if self.scores.to_probability == "none" and self.scores.logits and _are_probabilities(values):
            self.scores = replace(self.scores, logits=None, probabilities=name)
            self.notes.append(f"output {name!r} is positive and sums to 1: read as probabilities")

    def _list_layers(self) -> dict[str, Layer]:
        seen = survey(self._file.graph, self._image.name, self._raw_values)
        shapes = {**self._tensors.shapes, **seen.shapes}
        return list_layers(self._file, self._image, shapes, Values(self._constants, seen))

    def _raw_values(self, names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Any tensors as the graph gives them for its own batch, with or without a batch axis."""
        program = self._session(self._file.model, names, whole_batches=False)
        return dict(
            zip(program.carried, self._feed(program, self._encoded(self._noise(self._image.batch or 1))), strict=True)
        )

    def _noise(self, count: int) -> FloatArray:
        """Different random images, dark to bright where there are several, the same in every run."""
        noise = np.random.default_rng(0).random((count, 3, *self.preprocess.size), np.float32)
        if count == 1:
            return noise
        brightness = np.linspace(0, 0.5, count, dtype=np.float32)
        return np.asarray(noise / 2 + brightness[:, None, None, None], np.float32)

    # --- sessions -----------------------------------------------------------------------------

    def _program(self, names: tuple[str, ...]) -> _Program:
        """The session for these tensors, made and checked on first use."""
        with self._making:
            if names not in self._programs:
                for name in names:
                    self._known(name)
                self._programs[names] = self._make_program(names)
            return self._programs[names]

    def _known(self, name: str) -> None:
        if name not in self._names:
            listing = f"`viz layers --model {self.source.spec}` lists them"
            raise UnknownName("tensor", name, self.layers, listing)

    def _differentiable(self, double: bool) -> "DifferentiableGraph":
        import torch

        from viz.adapters.onnx_torch.differentiable import DifferentiableGraph

        device = torch.device(self._device.name if self._device.name.startswith("cuda") else "cpu")
        native = self._options.precision == "native"
        return DifferentiableGraph(self._file, self._image, self.preprocess, self._further, device, native, double)

    def _make_program(self, names: tuple[str, ...]) -> _Program:
        """Prefer a graph that takes any batch; keep it only if three images together equal three alone."""
        single = self._session(self._file.model, names, whole_batches=False)
        images = self._noise(3)
        alone = self._run_in_pieces(single, images)
        if self._image.batch is not None and any(node.op_type in ("If", "Loop") for node in self._file.graph.node):
            # What three images of noise do says nothing: others may have to take different branches.
            return self._looping(single, "its If or Loop would go one way for all images")
        try:
            together_program = single if self._image.batch is None else self._session(self._open(), names, True)
            together_program = replace(together_program, whole_batches=True)
            together = self._run_whole(together_program, images)
        except OutOfMemory:
            raise
        except ModelError as problem:
            return self._looping(single, _short(problem.problem))
        worst = max((_difference(alone[name], together[name]) for name in names), default=0.0)
        if worst > self._tolerance():
            return self._looping(single, f"three images together differ from three alone by {worst:.2g} of the range")
        return together_program

    def _unrounded_program(self, names: tuple[str, ...]) -> _Program:
        key = (_UNROUNDED, *names)
        with self._making:
            if key not in self._programs:
                folder = str(self._file.path.absolute().parent)
                floating = widened(self._file.model, self._image.name, folder)
                self._programs[key] = self._session(floating, names, whole_batches=False, typed=False)
            return self._programs[key]

    def _looping(self, single: _Program, reason: str) -> _Program:
        size = self._image.batch or 1
        note = f"the graph takes {size} image(s) at a time and cannot be opened to more: images run one by one"
        if note not in self.notes:
            self.notes += [note, f"why: {reason}"]
        return single

    def _tail(self, layer: str, wanted: tuple[str, ...]) -> Tail:
        """The session from `layer` on, made and checked on first use."""
        with self._making:
            if (layer, wanted) not in self._tails:
                for name in (layer, *wanted):
                    self._known(name)
                self._tails[layer, wanted] = self._make_tail(layer, wanted)
            return self._tails[layer, wanted]

    def _make_tail(self, layer: str, wanted: tuple[str, ...]) -> Tail:
        """Prefer a graph that takes any number of rows; keep only what goes on as the whole model does."""
        clean = self.run(self._noise(3), (layer, *wanted))
        size = self._image.batch
        worst = float("inf")
        for at_a_time in (None, size or 1):
            model = self._file.model if size is None or at_a_time else self._open()
            tail = self._tail_of(model, layer, wanted, at_a_time)
            with contextlib.suppress(ModelError):
                found = tail.run(clean[layer])
                worst = max(_difference(clean[name], found[name]) for name in wanted)
            if worst <= CUT_TOLERANCE[self._arithmetic()]:
                return tail
        raise NotSupported(
            f"{self.source.name} cannot be cut at {layer!r}: from there on it gives other values than as a whole",
            "choose another layer",
        )

    def _tail_of(self, model: ModelProto, layer: str, wanted: Sequence[str], at_a_time: int | None) -> Tail:
        kind = self._tensors.types.get(layer, 0)
        if kind not in _GIVABLE:
            name = TensorProto.DataType.Name(kind).lower()
            raise NotSupported(f"the values of {layer!r} are {name}, which cannot be given", "choose another layer")
        program = self._session(cut_at(model, layer, kind, wanted, self._image.name), wanted, at_a_time is None)
        image = (self._image.name, self._encoded(self._noise(1)))
        dtype = helper.tensor_dtype_to_np_dtype(kind)
        return Tail(program.session, program.carried, dtype, at_a_time, image, self._further)

    def _open(self) -> ModelProto:
        if self._opened is None:
            self._opened = open_batch(self._file.model, self._image, self._constants, self._tensors.shapes)
        return self._opened

    def _session(self, model: ModelProto, names: Sequence[str], whole_batches: bool, typed: bool = True) -> _Program:
        wanted = {name: self._tensors.types.get(name, 0) if typed else 0 for name in names}
        # Weights are copied here once per session, not per run; external ones stay in their file.
        shown = ModelProto()
        shown.CopyFrom(model)
        carried = with_float_ends(shown, self._image, wanted)
        folder = self._file.path.absolute().parent
        session = onnx_session.make_session(shown, folder, self._device, self._threads)
        return _Program(session, carried, whole_batches)

    def _tolerance(self) -> float:
        return _BATCH_TOLERANCE[self._arithmetic()]

    def _arithmetic(self) -> str:
        """What limits how well two ways of computing agree: "quantized", "float16" or "float32"."""
        ops = {node.op_type for node in self._file.graph.node}
        if any(op.startswith("QLinear") or op == "DequantizeLinear" for op in ops):
            return "quantized"
        half = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
        return "float16" if any(tensor.data_type in half for tensor in self._file.graph.initializer) else "float32"

    # --- running ------------------------------------------------------------------------------

    def _run_whole(self, program: _Program, images: FloatArray) -> dict[str, FloatArray]:
        return self._checked(program, self._feed(program, self._encoded(images)), len(images))

    def _feed(self, program: _Program, inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """The raw outputs for images already in the model's input format."""
        try:
            values: list[NDArray[Any]] = program.session.run(
                list(program.carried.values()), {self._image.name: inputs, **self._further}
            )
        except Exception as problem:  # onnxruntime raises its own C++ exceptions, without a common base
            raise onnx_session.session_error(problem) from None
        return values

    def _checked(self, program: _Program, values: Sequence[NDArray[Any]], count: int) -> dict[str, FloatArray]:
        """Outputs by tensor name, as float32, each with one row per image."""
        found = dict(zip(program.carried, values, strict=True))
        for name, value in found.items():
            if value.ndim == 0 or len(value) != count:
                raise ModelError(f"{name!r} gave shape {value.shape} for {count} images: it has no batch axis")
        return {name: np.asarray(value, np.float32) for name, value in found.items()}

    def _run_in_pieces(
        self, program: _Program, images: FloatArray, encode: Callable[[FloatArray], NDArray[Any]] | None = None
    ) -> dict[str, FloatArray]:
        """As many images at a time as the graph was made for, the last piece filled up with copies."""
        encode = encode or self._encoded
        size = self._image.batch or 1
        pieces = []
        for start in range(0, len(images), size):
            piece = images[start : start + size]
            filled = piece if len(piece) == size else np.concatenate([piece, piece[-1:].repeat(size - len(piece), 0)])
            values = self._checked(program, self._feed(program, encode(filled)), len(filled))
            pieces.append({name: value[: len(piece)] for name, value in values.items()})
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in program.carried}

    def _encoded(self, images: FloatArray) -> NDArray[Any]:
        values = self.preprocess.encode(images)
        if self._image.integer:
            return np.rint(values).astype(self._dtype)
        return values if self._dtype.kind != "f" else values.astype(self._dtype, copy=False)


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


def _are_probabilities(values: FloatArray) -> bool:
    return bool(values.shape[1] > 1 and values.min() >= 0 and np.allclose(values.sum(axis=1), 1, atol=1e-3))
