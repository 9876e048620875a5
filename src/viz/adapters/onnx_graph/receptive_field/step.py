"""One node as its rule sees it: what its inputs see of the image, their shapes, its settings."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from viz.adapters.onnx_graph.receptive_field.span import Shape, Span, union

Spans = tuple[Span, Span]
Constants = Callable[[str], NDArray[Any] | None]
Rule = Callable[["Step"], Spans]


class NotKnown(Exception):
    """A rule needs a shape or a setting that is not there; the tensor's receptive field is then not known."""


@dataclass(frozen=True)
class Step:
    """A node, the index of the output in question, and what is known about the tensors that it reads.

    `spans` holds (y, x) of every tensor so far that depends on the image.
    """

    node: onnx.NodeProto
    output: int
    spans: Mapping[str, Spans]
    shapes: Mapping[str, Shape]
    constants: Constants
    opset: int | None

    def seen(self, position: int = 0) -> Spans | None:
        """What the input at a position sees; None where it is absent or does not depend on the image."""
        return self.spans.get(self._input(position))

    def image_inputs(self) -> list[int]:
        """Positions of the inputs that depend on the image."""
        return [i for i in range(len(self.node.input)) if self.seen(i)]

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute's value; text as str."""
        for attribute in self.node.attribute:
            if attribute.name == name:
                value = onnx.helper.get_attribute_value(attribute)
                return value.decode() if isinstance(value, bytes) else value
        return default

    def setting(self, name: str, position: int) -> NDArray[Any] | None:
        """A list that old opsets keep as an attribute and new ones as a constant input; None where it is left out."""
        value = self.attribute(name)
        if value is None and self._input(position):
            value = self.constants(self._input(position))
            if value is None:
                raise NotKnown(f"{name} of {self.node.name or self.node.op_type} is computed while the model runs")
        return None if value is None else np.atleast_1d(np.asarray(value))

    def shape(self, position: int = 0) -> Shape:
        """Shape of an input. Raises `NotKnown`."""
        name = self._input(position)
        known = self.shapes.get(name)
        if known is not None:
            return known
        value = self.constants(name) if name else None
        if value is None:
            raise NotKnown(f"the shape of {name!r} is not known")
        return value.shape

    def output_shape(self) -> Shape | None:
        """Shape of the output, or None where it is not known."""
        return self.shapes.get(self.node.output[self.output])

    def rank(self, position: int = 0) -> int:
        """Number of axes of an input. Raises `NotKnown`."""
        return len(self.shape(position))

    def length(self, axis: int, position: int = 0) -> int:
        """Length of one axis of an input. Raises `NotKnown`."""
        length = self.shape(position)[axis]
        if length is None:
            raise NotKnown(f"axis {axis} of {self._input(position)!r} is free")
        return length

    def axis(self, default: int, position: int = 0) -> int:
        """The attribute `axis`, counted from the front."""
        return self.from_front(int(self.attribute("axis", default)), position)

    def from_front(self, axis: int, position: int = 0) -> int:
        """An axis of an input, counted from the front."""
        return axis if axis >= 0 else axis + self.rank(position)

    def each(self, through: Callable[[Span], Span], position: int = 0) -> Spans:
        """A function of one span, applied to y and x of an input."""
        y, x = self._spans(position)
        return through(y), through(x)

    def fixed_along(self, axes: Iterable[int], position: int = 0) -> Spans:
        """Every position along these axes sees what all of them see."""
        mixed = frozenset(axes)
        return self.each(lambda s: s.fixed(self._shape_or_none(position)) if s.axis in mixed else s, position)

    def everything(self) -> Spans:
        """Every position of the output sees all that any position of any input sees."""
        return self.union(self._all_of(position) for position in self.image_inputs())

    def union(self, operands: Iterable[Spans]) -> Spans:
        """The union of operands that are already laid out like the output."""
        ys, xs = zip(*operands, strict=True)
        return union(ys, self.output_shape()), union(xs, self.output_shape())

    def _all_of(self, position: int) -> Spans:
        return self.each(lambda span: span.fixed(self._shape_or_none(position)), position)

    def _spans(self, position: int) -> Spans:
        return self.spans[self._input(position)]

    def _input(self, position: int) -> str:
        return str(self.node.input[position]) if position < len(self.node.input) else ""

    def _shape_or_none(self, position: int) -> Shape | None:
        return self.shapes.get(self._input(position))


@dataclass(frozen=True)
class Known:
    """A rule, and the inputs whose values it follows; None means all of them."""

    rule: Rule
    reads: tuple[int, ...] | None

    def __call__(self, step: Step) -> Spans:
        """What the output sees; all of everything where an input depends on the image that is a mere setting."""
        followed = self.reads is None or set(step.image_inputs()) <= set(self.reads)
        return self.rule(step) if followed else step.everything()


RULES: dict[str, Known] = {}


def sees(*operators: str, reads: tuple[int, ...] | None = (0,)) -> Callable[[Rule], Rule]:
    """Register a rule for operators by name."""

    def register(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(operators, Known(rule, reads)))
        return rule

    return register
