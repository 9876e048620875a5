"""One node at two sizes of the image: the shapes of what it reads and gives at each, and its settings."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from viz.adapters.onnx_graph.receptive_field.step import Spans

Lengths = tuple[int, int]  # of one axis, at the own and at the other size
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Sizes:
    """What is known of a graph at one size of the image.

    Attributes:
        shapes: of every tensor that nodes make.
        values: gives the value of a tensor that does not depend on the image's values, else None.
        spans: which pixels tensors see along y and x; None where that is not known.
    """

    shapes: Shapes
    values: Callable[[str], NDArray[Any] | None]
    spans: Mapping[str, Spans | None]


@dataclass(frozen=True)
class Obstacle:
    """A node that does not hold at the other size, and why, as the end of a sentence that begins with it."""

    node: onnx.NodeProto
    reason: str


@dataclass(frozen=True)
class Step:
    """A node of which some input has another shape at the other size.

    Attributes:
        own, other: what is known at the model's own size, and at the other.
        moving: names of the tensors that depend on the image's values.
        users: the nodes that read the first output.
        merged: lengths of axes that earlier nodes joined into one: ((h, h'), (w, w')).
        opset: version of the standard operator set.
    """

    node: onnx.NodeProto
    own: Sizes
    other: Sizes
    moving: Collection[str]
    users: Sequence[onnx.NodeProto]
    merged: set[tuple[Lengths, ...]]
    opset: int

    def inputs(self) -> list[str]:
        """The inputs that depend on the image's values."""
        return [name for name in self.node.input if name in self.moving]

    def lengths(self, name: str) -> list[Lengths]:
        """Both lengths of every axis of a tensor, of the same rank at both sizes."""
        return list(zip(self.own.shapes[name], self.other.shapes[name], strict=True))

    def given(self) -> list[Lengths]:
        """Both lengths of every axis of the first output."""
        return self.lengths(self.node.output[0])

    def read(self) -> list[Lengths]:
        """Both lengths of every axis of the first input that depends on the image."""
        return self.lengths(self.inputs()[0])

    def changed(self, name: str) -> list[int]:
        """The axes of a tensor whose length is another at the other size."""
        return [axis for axis, (own, other) in enumerate(self.lengths(name)) if own != other]

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute's value; text as str."""
        for attribute in self.node.attribute:
            if attribute.name == name:
                value = onnx.helper.get_attribute_value(attribute)
                return value.decode() if isinstance(value, bytes) else value
        return default

    def setting(self, name: str, place: int) -> tuple[NDArray[Any], NDArray[Any]] | None:
        """A list from an attribute or an input, at both sizes; None where it is left out or not known."""
        value = self.attribute(name)
        if value is not None:
            return np.atleast_1d(value), np.atleast_1d(value)
        source = self.node.input[place] if place < len(self.node.input) else ""
        own, other = (size.values(source) if source else None for size in (self.own, self.other))
        return None if own is None or other is None else (np.atleast_1d(own), np.atleast_1d(other))

    def axis(self, default: int) -> int:
        """The attribute `axis` of the first input that depends on the image, counted from the front."""
        axis = int(self.attribute("axis", default))
        return axis if axis >= 0 else axis + len(self.read())

    def sees_alike(self) -> bool:
        """Whether positions of the output see windows that move in the same way at both sizes, along y and x."""
        name = self.node.output[0]
        own, other = self.own.spans.get(name), self.other.spans.get(name)
        return bool(own and other) and all(
            a.axis is not None and a.fold is None and (a.axis, a.step, None) == (b.axis, b.step, b.fold)
            for a, b in zip(own or (), other or (), strict=True)
        )
