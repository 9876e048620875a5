"""One run of the whole graph on noise: the true shape of every tensor, the values of those that never change.

onnx's shape inference stops at what it cannot fold and differs from onnxruntime here and there; the
tensors themselves do not.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from viz.adapters.onnx_graph.file import Constants
from viz.adapters.onnx_graph.layers import image_dependent
from viz.core.errors import ModelError

_LARGEST_VALUE = 1_000_000  # numbers; what is larger is no axis, pad or scale


@dataclass(frozen=True)
class Survey:
    """Shapes for the graph's own batch, and values of the tensors that do not depend on the image."""

    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    fixed: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def survey(graph: onnx.GraphProto, image: str, run: Callable[[Sequence[str]], Mapping[str, NDArray[Any]]]) -> Survey:
    """Ask `run` for every tensor of the main graph; empty where the runtime cannot give them all at once.

    Sequences and optional values among the tensors, or too little memory for all of them, are such cases.
    """
    names = [name for node in graph.node for name in node.output if name]
    try:
        values = run(names)
    except ModelError:
        return Survey()
    moving = set(image_dependent(graph, image))
    fixed = {n: v for n, v in values.items() if n not in moving and v.size <= _LARGEST_VALUE}
    return Survey({name: np.shape(value) for name, value in values.items()}, fixed)


def survey_without_values(
    model: onnx.ModelProto, image: str, run: Callable[[onnx.ModelProto, Sequence[str]], Mapping[str, NDArray[Any]]]
) -> Survey:
    """The same without holding the values of all tensors at once, of large images: the graph gives their shapes.

    Raises `ModelError` where the graph does not run.
    """
    asking = onnx.ModelProto()
    asking.CopyFrom(model)
    moving = set(image_dependent(model.graph, image))
    made = [name for node in model.graph.node for name in node.output if name]
    asked = {f"viz_shape_of_{name}": name for name in made if name in moving}
    asking.graph.node.extend(onnx.helper.make_node("Shape", [name], [shape]) for shape, name in asked.items())
    settings = [name for name in made if name not in moving]
    found = run(asking, [*asked, *settings])
    shapes = {name: tuple(int(length) for length in found[shape]) for shape, name in asked.items()}
    shapes |= {name: np.shape(found[name]) for name in settings}
    return Survey(shapes, {name: found[name] for name in settings if found[name].size <= _LARGEST_VALUE})


@dataclass(frozen=True)
class Values:
    """Values by name: stored in the file, or seen not to depend on the image."""

    stored: Constants
    seen: Survey

    def __call__(self, name: str) -> NDArray[Any] | None:
        """The value, or None where the tensor follows from the image or is not known."""
        return self.seen.fixed[name] if name in self.seen.fixed else self.stored(name)
