"""The graph up to some of its tensors, with an image input of its own or of another size."""

from collections.abc import Sequence

import onnx

from viz.adapters.onnx_graph.cutting import up_to
from viz.adapters.onnx_graph.image_input import ImageInput


def at_own_size(model: onnx.ModelProto, wanted: Sequence[str]) -> onnx.ModelProto:
    """A model of what the tensors `wanted` need, which are its outputs; weights are shared where protobuf can."""
    cut = up_to(model, wanted)
    stated = {value.name: value for value in model.graph.output}
    for name in wanted:
        cut.graph.output.add().CopyFrom(stated.get(name, onnx.ValueInfoProto(name=name)))
        cut.graph.output[-1].type.tensor_type.ClearField("shape")
    return cut


def at_size(model: onnx.ModelProto, image: ImageInput, size: tuple[int, int], wanted: Sequence[str]) -> onnx.ModelProto:
    """The same for images of another size: nothing else of the image input changes, and no shape is stated."""
    cut = at_own_size(model, wanted)
    first = 2 if image.layout == "nchw" else 1
    for value in cut.graph.input:
        if value.name == image.name:
            for axis, length in enumerate(size, start=first):
                value.type.tensor_type.shape.dim[axis].Clear()
                value.type.tensor_type.shape.dim[axis].dim_value = length
    return cut
