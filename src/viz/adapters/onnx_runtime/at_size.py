"""An ONNX graph up to some layers, for images of another size: made, checked for sizes written in, and compared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import onnx

from viz.adapters.onnx_graph.file import Constants, OnnxFile
from viz.adapters.onnx_graph.image_input import ImageInput
from viz.adapters.onnx_graph.layers import image_dependent
from viz.adapters.onnx_graph.other_size import Obstacle, Sizes, at_own_size, at_size, first_obstacle
from viz.adapters.onnx_graph.receptive_field import seen_spans
from viz.adapters.onnx_graph.receptive_field.step import Spans
from viz.adapters.onnx_runtime.sessions import Sessions
from viz.adapters.onnx_runtime.survey import Survey, Values, survey_without_values
from viz.adapters.same_function import Found, Pair, Window, compared, period_of
from viz.core.errors import ModelError, NotSupported, OutOfMemory

_BEFORE_NAMED = 3  # layers before an obstacle that its message names

Size = tuple[int, int]


@dataclass(frozen=True)
class SizedGraph:
    """The part of a graph that some layers need, at one size of the image, and what a run on noise showed.

    `image` is the image input, its size filled in.
    """

    file: OnnxFile
    image: ImageInput
    size: Size
    seen: Survey

    @property
    def values(self) -> Values:
        """Tensors that do not depend on the image, by name."""
        return Values(Constants(self.file.graph, self.file.path.absolute().parent), self.seen)

    def known(self) -> Sizes:
        """What the rules ask for."""
        channels = self.image.channels or 3
        dims = (channels, *self.size) if self.image.layout == "nchw" else (*self.size, channels)
        shapes = {**self.seen.shapes, self.image.name: (self.image.batch or 1, *dims)}
        graph, image = self.file.graph, self.image
        spans = seen_spans(graph, shapes, self.values, image.name, image.layout, self.file.opset)
        return Sizes(shapes, self.values, spans)


@dataclass(frozen=True)
class Resizing:
    """The way from a file to a part of it at another size.

    Attributes:
        file, image: the file and its image input.
        own_size, size: the two sizes of the image.
        wanted: the tensors that the part is to give.
        sessions: sessions of a part of the file for a size of the image.
    """

    file: OnnxFile
    image: ImageInput
    own_size: Size
    size: Size
    wanted: tuple[str, ...]
    sessions: Callable[[OnnxFile, Size], Sessions]

    def file_at(self, size: Size) -> OnnxFile:
        """The part that is needed, as a file for that size."""
        if size == self.own_size:
            return replace(self.file, model=at_own_size(self.file.model, self.wanted), notes=())
        return replace(self.file, model=at_size(self.file.model, self.image, size, self.wanted), notes=())

    def surveyed(self) -> tuple[SizedGraph, SizedGraph]:
        """The part at its own and at the other size. Raises `NotSupported` where it does not hold there."""
        own_file, file = self.file_at(self.own_size), self.file_at(self.size)
        own = SizedGraph(own_file, self.image, self.own_size, self._survey(own_file, self.own_size))
        try:
            other = SizedGraph(file, self.image, self.size, self._survey(file, self.size))
        except OutOfMemory:
            raise
        except ModelError as problem:
            raise self._stopped(own, file) from problem
        obstacle = self._obstacle(own, other, len(file.graph.node))
        if obstacle is not None:
            raise self._refusal(obstacle)
        return own, other

    def compare(self, own: SizedGraph, other: SizedGraph, other_sessions: Sessions) -> Mapping[str, Found]:
        """What was found at positions that see the same pixels at both sizes; raises where values differ."""
        a, b = own.known().spans, other.known().spans
        pairs = self._chosen({name: pair for name in a if (pair := _pair(a[name], b.get(name))) is not None}, own)
        chosen = tuple(pairs)
        own_sessions = self.sessions(own.file, self.own_size)
        steps = [span.step for spans in a.values() if spans for span in spans if span.axis is not None]
        found = compared(
            pairs,
            lambda images: own_sessions.values(images, chosen),
            lambda images: other_sessions.values(images, chosen),
            self.own_size,
            self.size,
            period_of(steps),
        )
        for name, one in found.items():
            if one.difference > own_sessions.tolerance():
                raise self._differs(name, one, period_of(steps))
        return found

    def _chosen(self, pairs: Mapping[str, Pair], own: SizedGraph) -> dict[str, Pair]:
        """The wanted layers of which a position sees less than both images; where one sees more, also some before."""
        rows = self.image.batch or 1
        fitting = {
            name: pair
            for name, pair in pairs.items()
            if pair.fits(self.own_size, self.size) and own.seen.shapes.get(name, (0,))[0] == rows
        }
        names = list(fitting)
        some = [names[-1], names[len(names) * 2 // 3], names[len(names) // 3]] if names else []
        further = some if any(name not in fitting for name in self.wanted) else []
        return {name: fitting[name] for name in dict.fromkeys([*self.wanted, *further]) if name in fitting}

    def _survey(self, file: OnnxFile, size: Size) -> Survey:
        sessions = self.sessions(file, size)
        return survey_without_values(file.model, self.image.name, sessions.unfolded_values)

    def _obstacle(self, own: SizedGraph, other: SizedGraph, count: int) -> Obstacle | None:
        graph = own.file.graph
        return first_obstacle(graph.node[:count], graph, self.image.name, own.known(), other.known(), self.file.opset)

    def _stopped(self, own: SizedGraph, file: OnnxFile) -> NotSupported:
        """Where the runtime stopped, or what before that holds only at the own size and led to it."""
        fine, wrong, seen = 0, len(file.graph.node), Survey()
        while wrong - fine > 1:
            middle = (fine + wrong) // 2
            try:
                seen = self._survey(_first_nodes(file, middle), self.size)
                fine = middle
            except ModelError:
                wrong = middle
        before = SizedGraph(_first_nodes(file, fine), self.image, self.size, seen)
        stopped = Obstacle(file.graph.node[fine], _why_it_stopped(file.graph.node[fine], before.known()))
        return self._refusal(self._obstacle(own, before, fine) or stopped)

    def _refusal(self, obstacle: Obstacle) -> NotSupported:
        name = obstacle.node.output[0]
        before = self._layers_before(name)
        named = ", ".join(repr(layer) for layer in before[: -_BEFORE_NAMED - 1 : -1])
        return NotSupported(
            f"{self.file.path.stem} cannot be run at {_written(self.size)} up to {', '.join(self.wanted)}: "
            f"{obstacle.node.op_type} {name!r} {obstacle.reason}",
            f"choose a layer before {name!r}: {named}" if named else "leave the size to the model",
        )

    def _layers_before(self, name: str) -> list[str]:
        layers = list(image_dependent(self.file.graph, self.image.name))
        return layers[: layers.index(name)] if name in layers else layers

    def _differs(self, name: str, found: Found, period: int) -> NotSupported:
        how = "see other pixels" if found.positions == 0 else f"differ by {found.difference:.2g} of its range"
        return NotSupported(
            f"{self.file.path.stem} at {_written(self.size)} is another function than at {_written(self.own_size)}: "
            f"positions of {name!r} that should be the same {how}, as padding or resizing goes by the image's size",
            f"choose a size that differs from {_written(self.own_size)} by multiples of {period}, or an earlier layer",
        )


def _pair(own: Spans | None, other: Spans | None) -> Pair | None:
    """Both windows of a tensor whose positions move over the image in the same way at both sizes."""
    if own is None or other is None:
        return None
    sides = []
    for spans in (own, other):
        windows = [
            Window(span.axis, span.low, span.high, span.step)
            for span in spans
            if span.axis is not None and span.axis > 0 and span.fold is None and span.step > 0
        ]
        if len(windows) < 2:
            return None
        sides.append((windows[0], windows[1]))
    alike = all(a.axis == b.axis and a.step == b.step for a, b in zip(*sides, strict=True))
    return Pair(*sides) if alike and sides[0][0].axis != sides[0][1].axis else None


def _first_nodes(file: OnnxFile, count: int) -> OnnxFile:
    part = onnx.ModelProto()
    part.CopyFrom(file.model)
    del part.graph.node[count:]
    return replace(file, model=part)


def _written(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def _why_it_stopped(node: onnx.NodeProto, known: Sizes) -> str:
    constants = {name: value for name in node.input if name and (value := known.values(name)) is not None}
    target = node.op_type in ("Reshape", "Expand") and node.input[1] in constants
    read = node.input[:1] if target else filter(None, node.input)
    shapes = [known.shapes.get(name, np.shape(constants.get(name, ()))) for name in read]
    got = ", ".join("x".join(map(str, shape)) for shape in shapes if shape)
    written = f", and has {constants[node.input[1]].tolist()} written into the file" if target else ""
    return f"does not fit: it gets {got}{written}"
