"""What is known of a graph's tensors: constant values, shapes, and which ones follow from the image."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Facts:
    """`values` gives constant tensors, None for others; `moving` are the tensors that follow from the image."""

    values: Callable[[str], Array | None]
    shapes: Mapping[str, tuple[int | None, ...]]
    moving: Collection[str]

    def constant(self, node: onnx.NodeProto, place: int) -> Array | None:
        """The value of an input that does not follow from the image; None where it does, or is left out."""
        name = input_name(node, place)
        return self.values(name) if name and name not in self.moving else None

    def rank(self, name: str) -> int | None:
        """How many axes a tensor has, where that is known."""
        shape = self.shapes.get(name)
        return None if shape is None else len(shape)

    def per_channel(self, node: onnx.NodeProto, place: int, axis: int, rank: int | None) -> Array | None:
        """A constant input that differs along `axis` at most, when it meets a tensor of `rank`: (channels,) or (1,)."""
        value = self.constant(node, place)
        if value is None or rank is None or value.ndim > rank:
            return None
        shape = (1,) * (rank - value.ndim) + value.shape
        if any(length != 1 for where, length in enumerate(shape) if where != axis):
            return None
        return value.reshape(-1).astype(np.float64)

    def moving_inputs(self, node: onnx.NodeProto) -> list[str]:
        """The node's inputs that follow from the image."""
        return [name for name in node.input if name in self.moving]


def input_name(node: onnx.NodeProto, place: int) -> str:
    """The name of an input; "" where it is left out."""
    return node.input[place] if 0 <= place < len(node.input) else ""


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:
    """The value of an attribute."""
    found = next((a for a in node.attribute if a.name == name), None)
    return default if found is None else onnx.helper.get_attribute_value(found)
