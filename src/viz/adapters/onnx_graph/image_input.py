"""Which input of an ONNX graph takes the image, and what the file says about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from viz.core.errors import ModelError, UnknownName, UsageError
from viz.core.preprocess import Layout

IMAGE_TYPES = {
    TensorProto.FLOAT: "float32",
    TensorProto.FLOAT16: "float16",
    TensorProto.BFLOAT16: "bfloat16",
    TensorProto.DOUBLE: "float64",
    TensorProto.UINT8: "uint8",
    TensorProto.INT8: "int8",
}


@dataclass(frozen=True)
class ImageInput:
    """The input that takes the image: its name, element type and axes; None is a free axis."""

    name: str
    elem_type: int
    batch: int | None
    channels: int | None
    size: tuple[int | None, int | None]
    layout: Layout

    @property
    def integer(self) -> bool:
        """True where pixels go in as whole numbers."""
        return self.elem_type in (TensorProto.UINT8, TensorProto.INT8)


def image_input(graph: onnx.GraphProto, layout: Layout | None) -> ImageInput:
    """The one input that looks like images. Raises `ModelError` naming the inputs where none does."""
    found = [parsed for value in free_inputs(graph) if (parsed := _as_image(value, layout))]
    if len(found) != 1:
        listing = ", ".join(f"{v.name} {_dims(v)}" for v in free_inputs(graph)) or "none"
        raise ModelError(
            f"{'no' if not found else 'more than one'} input looks like an image (batch, 1/3/4 channels, h, w)",
            f"the inputs are: {listing}",
        )
    return found[0]


def free_inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """The inputs without a default value (older files list every weight among the inputs)."""
    stored = {tensor.name for tensor in graph.initializer}
    return [value for value in graph.input if value.name not in stored]


def further_inputs(graph: onnx.GraphProto, image: ImageInput, given: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Values for the other inputs, from `NAME=VALUE` texts. Raises `UsageError` for a missing or unknown one."""
    values = dict(_parsed(text) for text in given)
    known = {value.name: value for value in graph.input if value.name != image.name}
    for name in values:
        if name not in known:
            raise UnknownName("further input", name, known)
    for value in free_inputs(graph):
        if value.name != image.name and value.name not in values:
            raise UsageError(
                f"the model also needs a value for its input {value.name!r} {_dims(value)}",
                f"give one: --input {value.name}=1",
            )
    return {name: _shaped(known[name], value) for name, value in values.items()}


def _as_image(value: onnx.ValueInfoProto, layout: Layout | None) -> ImageInput | None:
    kind = value.type.tensor_type
    dims = _dims(value)
    if len(dims) != 4 or kind.elem_type not in IMAGE_TYPES:
        return None
    layout = layout or _layout(dims)
    if layout is None:
        return None
    channels, size = (dims[1], dims[2:]) if layout == "nchw" else (dims[3], dims[1:3])
    return ImageInput(value.name, kind.elem_type, dims[0], channels, (size[0], size[1]), layout)


def _layout(dims: Sequence[int | None]) -> Layout | None:
    """NCHW wherever the second axis can be colours, NHWC where only the last can."""
    if dims[1] in (1, 3, 4) or (dims[1] is None and dims[3] not in (1, 3, 4)):
        return "nchw"
    return "nhwc" if dims[3] in (1, 3, 4) else None


def _dims(value: onnx.ValueInfoProto) -> list[int | None]:
    return [dim.dim_value if dim.dim_value > 0 else None for dim in value.type.tensor_type.shape.dim]


def _parsed(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    truth = {"true": 1.0, "false": 0.0}
    try:
        return name, truth.get(value.lower()) if value.lower() in truth else float(value)  # type: ignore[return-value]
    except ValueError:
        raise UsageError(f"--input {text} is not NAME=NUMBER", "for example --input keep_prob=1") from None


def _shaped(value: onnx.ValueInfoProto, number: float) -> NDArray[Any]:
    kind = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
    return np.full([dim or 1 for dim in _dims(value)], number, kind)
