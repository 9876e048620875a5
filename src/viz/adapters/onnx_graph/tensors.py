"""Shapes and element types of a graph's tensors: inferred from the file, corrected by what a run showed."""

import contextlib

import onnx

from viz.adapters.onnx_graph.file import OnnxFile
from viz.adapters.onnx_graph.image_input import ImageInput

Shape = tuple[int | None, ...]


class Tensors:
    """Shapes and element types of all tensors of a graph, for one image of a given size."""

    def __init__(self, file: OnnxFile, image: ImageInput, size: tuple[int, int]):
        inferred = _inferred(file, image, size)
        self.shapes: dict[str, Shape] = {}
        self.types: dict[str, int] = {}
        for value in [*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output]:
            kind = value.type.tensor_type
            if kind.elem_type:
                self.types[value.name] = kind.elem_type
            if kind.HasField("shape"):
                self.shapes[value.name] = _shape(kind)
        for value in file.graph.output:  # inference falls silent behind operators that the standard does not have
            if value.type.tensor_type.HasField("shape"):
                self.shapes.setdefault(value.name, _shape(value.type.tensor_type))
        for tensor in inferred.graph.initializer:
            self.shapes.setdefault(tensor.name, tuple(tensor.dims))
            self.types.setdefault(tensor.name, tensor.data_type)


def _shape(kind: onnx.TypeProto.Tensor) -> Shape:
    return tuple(d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim)


def _inferred(file: OnnxFile, image: ImageInput, size: tuple[int, int]) -> onnx.ModelProto:
    """The model with the image input fixed at batch 1 (or its own) and `size`, and shapes inferred from there."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(file.model)
    channels = image.channels or 3
    dims = (channels, *size) if image.layout == "nchw" else (*size, channels)
    for value in fixed.graph.input:
        if value.name == image.name:
            for dim, length in zip(value.type.tensor_type.shape.dim, (image.batch or 1, *dims), strict=True):
                dim.dim_value = length
    if image.size != size or image.batch is None:
        _forget_outputs(fixed)  # stated with free axes; inference fills them in
    with contextlib.suppress(Exception):  # shapes are a service: onnx's inference refuses some files that run well
        fixed = onnx.shape_inference.infer_shapes(fixed, data_prop=True)
    return fixed


def _forget_outputs(model: onnx.ModelProto) -> None:
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
