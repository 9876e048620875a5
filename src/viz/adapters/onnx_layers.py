"""Every tensor of an ONNX graph as a layer: its names, shape, window on the image and cost."""

import ast
import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping

import onnx

from viz.adapters.onnx_costs import macs_of, parameters_of
from viz.adapters.onnx_file import Constants, OnnxFile
from viz.adapters.onnx_input import ImageInput
from viz.adapters.receptive_field import receptive_fields
from viz.core.adapter import Layer, ReceptiveField

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
                self.shapes[value.name] = tuple(
                    d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim
                )
        for tensor in inferred.graph.initializer:
            self.shapes.setdefault(tensor.name, tuple(tensor.dims))
            self.types.setdefault(tensor.name, tensor.data_type)


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


def list_layers(file: OnnxFile, image: ImageInput, tensors: Tensors, constants: Constants) -> dict[str, Layer]:
    """All tensors that depend on the image's values, in execution order, by their ONNX name."""
    graph = file.graph
    fields = receptive_fields(graph, tensors.shapes, constants, image.name, image.layout)
    aliases = _aliases(graph, set(_image_dependent(graph, image.name)))
    layers = {}
    for node in graph.node:
        for name in node.output:
            if name in aliases:
                layers[name] = _layer(graph, node, name, aliases[name], tensors, constants, fields.get(name))
    return layers


def _layer(
    graph: onnx.GraphProto,
    node: onnx.NodeProto,
    name: str,
    aliases: tuple[str, ...],
    tensors: Tensors,
    constants: Constants,
    field: ReceptiveField | None,
) -> Layer:
    shape = tensors.shapes.get(name)
    return Layer(
        name=name,
        op=node.op_type,
        shape=None if shape is None else (None, *shape[1:]),
        aliases=aliases,
        receptive_field=field,
        parameters=parameters_of(graph, node),
        macs=macs_of(node, tensors.shapes, constants),
    )


def _image_dependent(graph: onnx.GraphProto, image: str) -> Iterator[str]:
    """Names of the tensors whose values follow from the image's values; shapes alone do not count."""
    known = {image}
    for node in graph.node:
        if node.op_type not in ("Shape", "Size") and known.intersection(_all_inputs(node)):
            known.update(filter(None, node.output))
            yield from filter(None, node.output)


def _all_inputs(node: onnx.NodeProto) -> Iterator[str]:
    """A node's inputs, and what the graphs inside it take from outside."""
    yield from node.input
    for attribute in node.attribute:
        if attribute.HasField("g"):
            for inner in attribute.g.node:
                yield from _all_inputs(inner)


def _aliases(graph: onnx.GraphProto, wanted: set[str]) -> dict[str, tuple[str, ...]]:
    """For every wanted tensor: its running index, `Relu_3`, its node's name, its torch module."""
    modules = _last_tensor_of_module(graph, wanted)
    counts: Counter[str] = Counter()
    found: dict[str, tuple[str, ...]] = {}
    for node in graph.node:
        first = True
        for name in (n for n in node.output if n in wanted):
            numbered = f"{node.op_type}_{counts[node.op_type]}"
            names = [str(len(found)), *([numbered, node.name] if first else []), *modules.get(name, ())]
            found[name] = tuple(dict.fromkeys(n for n in names if n and n != name))
            first = False
        if wanted.intersection(node.output):
            counts[node.op_type] += 1
    return found


def _last_tensor_of_module(graph: onnx.GraphProto, wanted: set[str]) -> Mapping[str, list[str]]:
    """Tensor -> torch modules whose output it is: the last tensor computed inside each module."""
    last: dict[str, str] = {}
    for node in graph.node:
        if node.output and node.output[0] in wanted:
            for module in _torch_modules(node):
                last[module] = node.output[0]
    by_tensor: dict[str, list[str]] = {}
    for module, tensor in last.items():
        by_tensor.setdefault(tensor, []).append(module)
    return by_tensor


def _torch_modules(node: onnx.NodeProto) -> list[str]:
    """Paths of the torch modules a node came from, outermost first, where the exporter left them.

    The current exporter writes a list into the node's metadata; the older one names nodes
    `/layer1/layer1.0/conv1/Conv`, each part a path or the last part of one.
    """
    for entry in node.metadata_props:
        if entry.key == "pkg.torch.onnx.name_scopes":
            with contextlib.suppress(ValueError, SyntaxError):
                return [scope for scope in ast.literal_eval(entry.value)[:-1] if scope]
    if not node.name.startswith("/"):
        return []
    path, modules = "", []
    for part in node.name.split("/")[1:-1]:
        path = part if not path or part.startswith(path + ".") else f"{path}.{part}"
        modules.append(path)
    return modules
