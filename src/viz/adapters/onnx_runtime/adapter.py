"""Any ONNX file, forward, on onnxruntime: pixels in, any tensor out, any batch."""

import threading
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import asdict, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from onnx import TensorProto

from viz.adapters.onnx_graph.file import Constants, OnnxFile, read
from viz.adapters.onnx_graph.image_input import further_inputs, image_input
from viz.adapters.onnx_graph.kernels import Kernels
from viz.adapters.onnx_graph.kernels.constants import facts_of
from viz.adapters.onnx_graph.layers import image_dependent, list_layers
from viz.adapters.onnx_graph.names import aliases_of
from viz.adapters.onnx_graph.randomized import randomized
from viz.adapters.onnx_graph.tensors import Tensors
from viz.adapters.onnx_runtime import session as onnx_session
from viz.adapters.onnx_runtime.at_size import Resizing, SizedGraph
from viz.adapters.onnx_runtime.canvas import Canvas
from viz.adapters.onnx_runtime.opening import check_integer_range, found_preprocess, scores_by_trial
from viz.adapters.onnx_runtime.reduced_precision import ReducedPrecision
from viz.adapters.onnx_runtime.sessions import Sessions
from viz.adapters.onnx_runtime.survey import Survey, Values, survey
from viz.adapters.onnx_runtime.tail import names_apart
from viz.adapters.onnx_runtime.tracing import CheckedTracing
from viz.adapters.onnx_runtime.window_plans import WindowPlans
from viz.core.adapter import Adapter, Layer, LazyLayers, ModelSource, Rule, Trace
from viz.core.agreement import Agreement
from viz.core.errors import ModelError, NotSupported, UnknownName
from viz.core.kernel import Kernel
from viz.core.labels import Labels
from viz.core.memory import hand_back
from viz.core.model_options import REDUCED, ModelOptions
from viz.core.patch_plan import PatchPlan
from viz.core.patch_runner import PatchRunner
from viz.core.patches import Patched
from viz.core.preprocess import Layout, Preprocess
from viz.core.result import FloatArray
from viz.core.sources.labels import resolve_labels

if TYPE_CHECKING:
    from torch import Tensor

    from viz.adapters.onnx_torch.differentiable import DifferentiableGraph

# Above so many times the model's own pixels, a trial with several images at once would take more than it gives.
_LARGEST_TOGETHER = 4


class OnnxAdapter(Adapter):
    """An ONNX file on onnxruntime. See `viz.core.adapter.Adapter` for the contract.

    `preprocess` is for a caller that knows it already; `one_by_one` for one whose calls never go on side by side, so
    that each has all threads.
    """

    def __init__(
        self,
        path: Path,
        options: ModelOptions,
        spec: str = "",
        zoo: Mapping[str, Any] | None = None,
        *,
        preprocess: Preprocess | None = None,
        one_by_one: bool = False,
    ):
        self._file: OnnxFile = read(path)
        self._options = options
        graph = self._file.graph
        self._image = image_input(graph, cast(Layout | None, options.layout))
        self.notes = [*self._file.notes]
        self.preprocess, guesses = (
            (preprocess, []) if preprocess else found_preprocess(self._file, self._image, options, zoo)
        )
        self._further = further_inputs(graph, self._image, options.input)
        check_integer_range(self._image, self.preprocess)
        self._tensors = Tensors(self._file, self._image, self.preprocess.size)
        self.layers = LazyLayers(self._list_layers)
        self._names = {name for node in graph.node for name in node.output if name}
        self.outputs = tuple(value.name for value in graph.output)
        self._device = onnx_session.choose_device(options)
        self.parallel = 1 if one_by_one else onnx_session.workers(self._device, options.threads)
        runtime = onnx_session.runtime(self._device)
        details = onnx_session.details(self._device)
        details |= {"precision of gradients": "native"} if options.precision == "native" else {}
        self.source = ModelSource(path.stem, spec or str(path), self._file.sha256, runtime, self._device.name, details)
        self._apart = False  # whether images are run one by one, as large ones are
        self._sessions = self._sessions_of(self._file, self.size, self._tensors)
        self._found_at_size: Mapping[str, object] = {}
        self._kernels: Kernels | None = None
        self._seen: Survey | None = None
        self._local = threading.local()  # each thread draws on a canvas of its own
        self.tracing = self._checked_tracing()
        self.forward_tolerance = self.tracing.tolerance
        self._window_plans: WindowPlans | None = None
        self._planning = threading.Lock()
        self.scores, notes = scores_by_trial(self._file, self._tensors, options.output, self.outputs, self._sessions)
        self.notes += notes
        self._reduced = self._reduced_precision()
        classes = self.scores.classes if self.scores else None
        self.labels, doubts = resolve_labels(options, path, self._file.metadata, classes, zoo)
        self.warnings = (*guesses, *doubts)

    def run(self, images: FloatArray, layers: Sequence[str]) -> dict[str, FloatArray]:
        """See `Adapter.run`. One session per set of layers, kept for the next call."""
        return self._sessions.values(images, tuple(dict.fromkeys(layers)))

    def compare_precision(self, images: FloatArray) -> None:
        """See `Adapter.compare_precision`."""
        if self._reduced and (drift := self._reduced.measure(images)):
            self.note(str(drift))

    def run_patched(self, patched: Patched, layers: Sequence[str]) -> dict[str, FloatArray]:
        """See `Adapter.run_patched`: variants are drawn in the model's own input format."""
        program = self._sessions.program(tuple(dict.fromkeys(layers)))
        if not program.whole_batches:
            return self.run(patched.drawn(), layers)
        canvas: Canvas | None = getattr(self._local, "canvas", None)
        if canvas is None or not canvas.shows(patched):
            canvas = Canvas(patched.images, patched.fills, self._sessions.encoded, self.preprocess.layout)
            self._local.canvas = canvas
        return self._sessions.checked(program, self._sessions.feed(program, canvas.draw(patched)), len(patched))

    def patch_plan(self, side: int, layers: Sequence[str], cap: float | None = None) -> PatchPlan:
        """See `Adapter.patch_plan`."""
        return self._all_window_plans().of(side, layers, cap)[0]

    def patch_runner(self, side: int, layers: Sequence[str], cap: float | None = None) -> PatchRunner | None:
        """See `Adapter.patch_runner`."""
        return self._all_window_plans().of(side, layers, cap)[1]

    def _all_window_plans(self) -> WindowPlans:
        with self._planning:
            if self._window_plans is None:
                macs = {name: layer.macs for name, layer in self.layers.items()}
                self._window_plans = WindowPlans(
                    self._file, self._image, self._sessions, self._tensors, self._survey(), macs
                )
            return self._window_plans

    def run_unrounded(self, images: FloatArray, layers: Sequence[str]) -> dict[str, FloatArray]:
        """See `Adapter.run_unrounded`: the same graph in float32 throughout, from a float32 input."""
        if (
            self._image.elem_type in (TensorProto.FLOAT, TensorProto.DOUBLE)
            and self._sessions.arithmetic() != "float16"
        ):
            return self._run_in_float32(images, layers)
        names, sessions = tuple(dict.fromkeys(layers)), self._sessions.in_float32()
        try:
            program = sessions.unrounded_program(names)
        except ModelError as problem:
            raise NotSupported(
                f"{self.source.name} cannot be run in float32 from a float32 input: {problem.problem}",
                "small steps of a pixel cannot be tried on it",
            ) from None
        return sessions.run_in_pieces(program, images, self.preprocess.encode)

    def _run_in_float32(self, images: FloatArray, layers: Sequence[str]) -> dict[str, FloatArray]:
        """`run` as the file says, where passes are in reduced precision; it is what gradients belong to."""
        return self._sessions.in_float32().values(images, tuple(dict.fromkeys(layers)))

    def run_from(self, layer: str, values: FloatArray, layers: Sequence[str]) -> dict[str, FloatArray]:
        """See `Adapter.run_from`: in a quantized tensor, values are the stored whole numbers, rounded."""
        wanted = names_apart(layer, layers)
        found = self._sessions.tail(layer, wanted).run(values) if wanted else {}
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
        """See `Adapter.evidence`; at another size, also what was compared with the model's own."""
        reduced = self._reduced.evidence() if self._reduced else {}
        return {**self.tracing.evidence(), **self._found_at_size, **reduced, **self._sessions.evidence()}

    def kernel(self, name: str) -> Kernel:
        """See `Adapter.kernel`."""
        return self._all_kernels().of(name if name in self._names else self.layer(name).name)

    def channels_of(self, name: str) -> str:
        """See `Adapter.channels_of`."""
        own = self.layer(name).name
        origin = self._all_kernels().origin(own)
        return origin if origin in self.layers else own

    def kernels(self) -> Sequence[str]:
        """See `Adapter.kernels`."""
        return self._all_kernels().names

    def _all_kernels(self) -> Kernels:
        if self._kernels is None:
            graph, folder = self._file.graph, self._file.path.absolute().parent
            facts = facts_of(graph, self._image.name, folder, self._shapes_seen(), self._sessions.raw_values)
            self._kernels = Kernels(graph, self._image, self.preprocess, facts)
        return self._kernels

    def _shapes_seen(self) -> dict[str, tuple[int | None, ...]]:
        """Shapes of all tensors, those of the layers as a run showed them."""
        return self._tensors.shapes | {name: one.shape for name, one in self.layers.items() if one.shape is not None}

    def randomized(self, seed: int, part: float = 1.0) -> "OnnxAdapter":
        """See `Adapter.randomized`: the new weights are in memory only."""
        model = randomized(self._file.model, self._file.path.absolute().parent, seed, part)
        twin = copy(self)
        twin._file = replace(self._file, model=model, sha256="")
        twin.layers = LazyLayers(lambda: self.layers)  # the same graph
        twin.source = replace(self.source, sha256="", details={**self.source.details, "randomized": f"{part:g}"})
        twin.notes, twin._local = [], threading.local()
        twin._kernels = None
        twin._sessions = self._sessions.of(model, twin.note)
        twin._window_plans = twin._seen = twin._reduced = None
        twin.tracing = twin._checked_tracing()
        return twin

    def at_size(self, size: tuple[int, int], layers: Sequence[str]) -> "OnnxAdapter":
        """See `Adapter.at_size`: the graph cut to `layers`, in memory, with another height and width of its input."""
        wanted = tuple(dict.fromkeys(name if name in self._names else self.layer(name).name for name in layers))
        resizing = Resizing(self._file, self._image, self.size, size, wanted, self._sessions_of)
        own, other = resizing.surveyed()
        twin = copy(self)
        twin._take_part(other, wanted, self._aliases())
        found = resizing.compare(own, other, twin._sessions)
        twin._found_at_size = {"same_at_own_size": {name: asdict(one) for name, one in found.items()}}
        return twin

    def _take_part(self, part: SizedGraph, wanted: tuple[str, ...], aliases: Mapping[str, tuple[str, ...]]) -> None:
        """Become a part of the graph at another size."""
        self._apart = self._apart or prod(part.size) > _LARGEST_TOGETHER * prod(self.size)
        self._file, self._image = part.file, replace(self._image, size=part.size)
        self.preprocess = self.preprocess.at_size(part.size)
        asked = {value.name for value in part.file.graph.input}
        self._further = {name: value for name, value in self._further.items() if name in asked}
        self._tensors = Tensors(self._file, self._image, part.size)
        self._names = {name for node in part.file.graph.node for name in node.output if name}
        self.layers = LazyLayers(lambda: _named(self._list_layers(), aliases))
        self.outputs, self.scores, self.labels, self.warnings = wanted, None, Labels(), ()
        self.source = replace(self.source, details={**self.source.details, "size": "{}x{}".format(*part.size)})
        self.notes, self._local, self._kernels = [], threading.local(), None
        self._sessions = self._sessions_of(self._file, part.size, self._tensors)
        self._window_plans, self._seen, self._reduced = None, part.seen, None
        self.tracing = self._checked_tracing()

    def _sessions_of(self, file: OnnxFile, size: tuple[int, int], tensors: Tensors | None = None) -> Sessions:
        """Sessions of the file or a part of it, for images of a size."""
        asked = {value.name for value in file.graph.input}
        image = replace(self._image, size=size) if size != self.size else self._image
        return Sessions(
            file.model,
            file.path.absolute().parent,
            image,
            self.preprocess.at_size(size),
            {name: value for name, value in self._further.items() if name in asked},
            tensors or Tensors(file, image, size),
            self._device,
            # Side by side, each call has one thread; where calls come one by one, they have all that are allowed.
            1 if self.parallel > 1 else self._options.threads or 0,
            file.path.stem,
            self._known,
            self.note,
            self._apart,
        )

    def _aliases(self) -> Mapping[str, tuple[str, ...]]:
        graph = self._file.graph
        return aliases_of(graph, set(image_dependent(graph, self._image.name)))

    # --- set-up -------------------------------------------------------------------------------

    def _reduced_precision(self) -> ReducedPrecision | None:
        if self._options.precision not in REDUCED:
            return None
        return ReducedPrecision(self._sessions, self._options.precision, self.scores, self.outputs[:1])

    def _survey(self) -> Survey:
        """Shapes and fixed values as one run showed them, kept."""
        if self._seen is None:
            self._seen = survey(self._file.graph, self._image.name, self._sessions.raw_values)
            hand_back()
        return self._seen

    def _list_layers(self) -> dict[str, Layer]:
        seen = self._survey()
        shapes = {**self._tensors.shapes, **seen.shapes}
        return list_layers(
            self._file,
            self._image,
            shapes,
            Values(Constants(self._file.graph, self._file.path.absolute().parent), seen),
        )

    def _known(self, name: str) -> None:
        if name not in self._names:
            listing = f"`viz layers --model {self.source.spec}` lists them"
            raise UnknownName("tensor", name, self.layers, listing)

    def _checked_tracing(self) -> CheckedTracing:
        return CheckedTracing(
            self._differentiable,
            self._run_in_float32,
            lambda: self.layers,
            self.outputs,
            self._sessions.arithmetic(),
            self._file.path.stem,
        )

    def _differentiable(self, double: bool) -> "DifferentiableGraph":
        import torch

        from viz.adapters.onnx_torch.differentiable import DifferentiableGraph

        device = torch.device(self._device.name if self._device.name.startswith("cuda") else "cpu")
        native = self._options.precision == "native"
        return DifferentiableGraph(
            self._file, self._image, self.preprocess, self._further, device, native, double, self._apart
        )


def _named(layers: Mapping[str, Layer], aliases: Mapping[str, tuple[str, ...]]) -> dict[str, Layer]:
    """Layers of a part, called as in the whole, where running numbers go on counting."""
    return {name: replace(layer, aliases=aliases.get(name, ())) for name, layer in layers.items()}
