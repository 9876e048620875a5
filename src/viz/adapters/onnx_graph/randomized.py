"""An ONNX model with the weights of its last layers drawn anew, in memory: the file stays as it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil, prod, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, external_data_helper, helper, numpy_helper

from viz.adapters.onnx_graph.stored_tensors import bytes_of
from viz.core.errors import NotSupported

# Which inputs are kernels, and how many values each of their outputs is a sum of, from the kernel's shape.
_KERNELS: dict[str, tuple[int, Callable[[tuple[int, ...]], int]]] = {
    "Conv": (1, lambda shape: prod(shape[1:])),
    "FusedConv": (1, lambda shape: prod(shape[1:])),
    "ConvTranspose": (1, lambda shape: shape[0] * prod(shape[2:])),
    "MatMul": (1, lambda shape: shape[-2] if len(shape) > 1 else shape[0]),
    "FusedMatMul": (1, lambda shape: shape[-2] if len(shape) > 1 else shape[0]),
    "Gemm": (1, lambda shape: shape[0]),  # of an untransposed matrix; see `_summed`
    "FusedGemm": (1, lambda shape: shape[0]),
}
_BIAS = {"Conv": 2, "FusedConv": 2, "ConvTranspose": 2, "Gemm": 2, "FusedGemm": 2}
# Normalizations as they begin training: scale 1, shift 0, statistics of values that are normal already.
_NORMALIZATIONS: dict[str, dict[int, float]] = {
    "BatchNormalization": {1: 1.0, 2: 0.0, 3: 0.0, 4: 1.0},
    "InstanceNormalization": {1: 1.0, 2: 0.0},
    "GroupNormalization": {1: 1.0, 2: 0.0},
    "LayerNormalization": {1: 1.0, 2: 0.0},
    "SimplifiedLayerNormalization": {1: 1.0},
    "RMSNormalization": {1: 1.0},
}
# What else holds weights, and where; their values are shuffled, which needs no scale. None: at any place.
_SHUFFLED: dict[str, tuple[int, ...] | None] = {
    **dict.fromkeys(("Add", "Mul", "Sub", "Div", "Gather", "PRelu", "Concat", "Einsum", "MatMul", "Expand")),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), (1, 2, 3)),
    **dict.fromkeys(("Attention", "ConvInteger", "MatMulInteger", "SkipLayerNormalization"), None),
    "DequantizeLinear": (0,),
    "QLinearConv": (3, 8),
    "QLinearMatMul": (0, 3),
    "QGemm": (3, 6),
}
_PASSED_ON = frozenset(("Identity", "Cast", "Transpose"))  # between a stored kernel and the layer that uses it
_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)
_BYTES = (TensorProto.INT8, TensorProto.UINT8)
_MOST_BYTES = 2_000_000_000  # what one message of Protocol Buffers can hold


@dataclass(frozen=True)
class _Weight:
    """A stored tensor as one layer uses it: at which input, in which shape."""

    tensor: TensorProto
    node: NodeProto
    place: int
    shape: tuple[int, ...]


def randomized(model: ModelProto, folder: Path, seed: int, part: float) -> ModelProto:
    """A copy of `model` in which the last `part` of the layers with weights have new ones; see `Adapter.randomized`.

    Kernels are drawn from a normal distribution of variance 2 / inputs (He et al. 2015, eq. 10), their
    biases become 0, normalizations begin anew, and values of other weights (quantized ones, embeddings) are
    shuffled. Weights inside If, Loop and Scan stay. Raises `NotSupported` where no weight is found.
    """
    changed = ModelProto()
    changed.CopyFrom(model)
    layers = _layers(changed)
    if not layers:
        raise NotSupported("the graph stores no weights that viz knows how to draw anew", "leave randomization out")
    chosen = layers[len(layers) - ceil(part * len(layers)) :]
    _check_size(chosen)
    # Numbered from the end, so that a larger part draws the same values for the layers of a smaller one.
    for number, layer in enumerate(reversed(chosen)):
        for weight in layer:
            values = numpy_helper.to_array(weight.tensor, str(folder))
            drawn = _drawn(weight, values, np.random.default_rng((seed, number, weight.place)))
            name = weight.tensor.name
            weight.tensor.CopyFrom(numpy_helper.from_array(drawn.astype(values.dtype), name))
    return changed


def _layers(model: ModelProto) -> list[list[_Weight]]:
    """The weights of every layer that has some, in the order of execution; a shared one belongs to its last use."""
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            stored[node.output[0]] = node.attribute[0].t
    shapes = {name: tuple(tensor.dims) for name, tensor in stored.items()}
    for node in model.graph.node:
        if node.op_type in _PASSED_ON and node.input[0] in stored:
            stored[node.output[0]] = stored[node.input[0]]
            shapes[node.output[0]] = _passed_shape(node, shapes[node.input[0]])
    taken: set[int] = set()
    layers = []
    for node in reversed(model.graph.node):
        layer = [w for w in _weights(node, stored, shapes) if id(w.tensor) not in taken]
        taken.update(id(weight.tensor) for weight in layer)
        layers.append(layer)
    return [layer for layer in reversed(layers) if layer]


def _weights(node: NodeProto, stored: dict[str, TensorProto], shapes: dict[str, tuple[int, ...]]) -> Iterator[_Weight]:
    for place, name in enumerate(node.input):
        tensor = stored.get(name)
        if tensor is None or prod(tensor.dims) < 2 or not _is_weight(node, place, tensor):
            continue
        yield _Weight(tensor, node, place, shapes[name])


def _is_weight(node: NodeProto, place: int, tensor: TensorProto) -> bool:
    if tensor.data_type in _BYTES:
        return node.op_type in _SHUFFLED and len(tensor.dims) > 1 and place in (_SHUFFLED[node.op_type] or (place,))
    if tensor.data_type not in _FLOATS:
        return False
    kernel = _KERNELS.get(node.op_type, (-1,))[0] == place
    bias = _BIAS.get(node.op_type) == place
    other = node.op_type in _SHUFFLED and place in (_SHUFFLED[node.op_type] or (place,))
    return kernel or bias or place in _NORMALIZATIONS.get(node.op_type, {}) or other


def _drawn(weight: _Weight, values: NDArray[Any], random: np.random.Generator) -> NDArray[Any]:
    node, place = weight.node, weight.place
    if place in _NORMALIZATIONS.get(node.op_type, {}):
        return np.full(values.shape, _NORMALIZATIONS[node.op_type][place])
    if _BIAS.get(node.op_type) == place:
        return np.zeros(values.shape)
    if node.op_type in _KERNELS and place == _KERNELS[node.op_type][0]:
        return random.normal(0, sqrt(2 / _summed(node, weight.shape)), values.shape)
    return random.permutation(values.reshape(-1)).reshape(values.shape)


def _summed(node: NodeProto, shape: tuple[int, ...]) -> int:
    """How many products one output of a kernel sums up."""
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    turned = bool(attributes.get("transB", 0))
    if turned and len(shape) > 1:
        shape = (*shape[:-2], shape[-1], shape[-2])
    return max(1, _KERNELS[node.op_type][1](shape))


def _passed_shape(node: NodeProto, shape: tuple[int, ...]) -> tuple[int, ...]:
    if node.op_type != "Transpose":
        return shape
    order = next((list(a.ints) for a in node.attribute if a.name == "perm"), list(reversed(range(len(shape)))))
    return tuple(shape[axis] for axis in order)


def _check_size(layers: list[list[_Weight]]) -> None:
    """External weights come into the message, which has its limit."""
    tensors = [weight.tensor for layer in layers for weight in layer]
    outside = sum(bytes_of(t) for t in tensors if external_data_helper.uses_external_data(t))
    if outside > _MOST_BYTES:
        raise NotSupported(
            f"{outside / 1e9:.1f} GB of weights lie in external files, more than can be drawn anew in memory",
            "leave the metric randomization out",
        )
