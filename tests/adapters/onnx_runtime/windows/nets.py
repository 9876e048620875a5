"""Graphs under construction for images of three channels, whose weights keep the size of a signal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

from tests.adapters.random_graphs import OPSET, Net
from viz.adapters import load
from viz.core.adapter import Adapter
from viz.core.model_options import ModelOptions

CLASSES = 5
# Nodes in which the number of images is written down, so that the file has to be for one image.
_FOR_ONE_IMAGE = {"Reshape", "Resize", "Expand"}


class SignedNet(Net):
    """A `Net` for one image, with weights of either sign and tensors of any type.

    An image of bytes gets a Cast, Sub and Mul, one with channels last a Transpose: `first` is what comes of it.
    """

    def __init__(
        self,
        height: int,
        width: int,
        layout: str = "nchw",
        seed: int = 0,
        kind: int = TensorProto.FLOAT,
        opset: int = OPSET,
    ):
        self.layout, self.random, self.kind, self.opset = layout, np.random.default_rng(seed), kind, opset
        self.batch, self.height, self.width = 1, height, width
        shape = (1, 3, height, width) if layout == "nchw" else (1, height, width, 3)
        self.nodes: list[onnx.NodeProto] = []
        self.stored: dict[str, np.ndarray] = {}
        self.shapes: dict[str, tuple[int, ...]] = {"image": shape}
        self.types: dict[str, int] = {"image": kind}
        self.tensors: list[str] = []
        self.first = self._entrance()

    def _entrance(self) -> str:
        name = "image"
        if self.kind == TensorProto.UINT8:
            centred = self.add("Sub", self.add("Cast", name, to=TensorProto.FLOAT)[0], self.floats(127.5))[0]
            [name] = self.add("Mul", centred, self.floats(1 / 64))
        if self.layout == "nhwc":
            [name] = self.add("Transpose", name, perm=[0, 3, 1, 2])
        if name == "image":  # what steps draw earlier tensors from is never the image itself
            [name] = self.add("Mul", name, self.floats(2.0))
        return name

    def floats(self, value: object) -> str:
        return self.store(value, np.float32)

    def weights(self, *shape: int) -> str:
        """Normal, scaled so that a sum over all but the first axis keeps its size; vectors are near 1."""
        if len(shape) == 1:
            return self.floats(self.random.uniform(0.7, 1.3, shape))
        fan = shape[0] if len(shape) == 2 else int(np.prod(shape[1:]))
        return self.floats(self.random.normal(0, fan**-0.5, shape))

    def small(self, *shape: int) -> str:
        """Normal, a tenth of a signal: what is added."""
        return self.floats(self.random.normal(0, 0.1, shape))

    def channels(self, x: str) -> int:
        return self.shapes[x][1]

    def conv(self, x: str, kernel: Sequence[int] = (3, 3), out: int | None = None, group: int = 1, **more: Any) -> str:
        """A convolution with bias; "same" padding unless pads or auto_pad say otherwise."""
        out = out or self.channels(x)
        if not {"pads", "auto_pad"} & set(more):
            more["auto_pad"] = "SAME_UPPER"
        weights = self.weights(out, self.channels(x) // group, *kernel)
        return self.add("Conv", x, weights, self.small(out), group=group, **more)[0]

    def scores(self, x: str, pooled: bool = True) -> str:
        """Class scores: of the mean of every channel, or of all values."""
        flat = self.add("Flatten", self.add("GlobalAveragePool", x)[0] if pooled else x)[0]
        return self.add("Gemm", flat, self.weights(self.shapes[flat][1], CLASSES), self.small(CLASSES))[0]

    def add(self, op: str, *inputs: str, outputs: int = 1, **attributes: Any) -> list[str]:
        names = [f"t{len(self.nodes)}_{k}" for k in range(outputs)]
        node = helper.make_node(op, list(inputs), names, **attributes)
        given = [self._typed(name, self.shapes[name]) for name in dict.fromkeys(inputs) if name in self.shapes]
        inferred = shape_inference.infer_shapes(self.model([node], given, names), strict_mode=True, data_prop=True)
        for info in inferred.graph.output:
            self.types[info.name] = info.type.tensor_type.elem_type
            self.shapes[info.name] = tuple(d.dim_value for d in info.type.tensor_type.shape.dim)
            assert min(self.shapes[info.name], default=1) > 0, repr(self)
        self.nodes.append(node)
        self.tensors += [
            name for name in names if self.types[name] == TensorProto.FLOAT
        ]  # to be joined with later ones
        return names

    def model(self, nodes: Sequence[onnx.NodeProto], inputs: Sequence[Any], outputs: Sequence[str]) -> onnx.ModelProto:
        used = {name for node in nodes for name in node.input}
        stored = [numpy_helper.from_array(value, name) for name, value in self.stored.items() if name in used]
        typed = [self._typed(name, self.shapes.get(name), known=name in self.types) for name in outputs]
        graph = helper.make_graph(list(nodes), "net", list(inputs), typed, stored)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)

    def _typed(self, name: str, shape: Sequence[int | str] | None, known: bool = True) -> onnx.ValueInfoProto:
        if not known:
            return onnx.ValueInfoProto(name=name)
        return helper.make_tensor_value_info(name, self.types[name], shape)

    def opened(
        self, folder: Path, *outputs: str, batch: int | None = None, further: Mapping[str, float] | None = None
    ) -> Adapter:
        """The graph as a file in `folder`, as the adapter reads it; the batch is free where nothing fixes it."""
        fixed = batch or (1 if any(node.op_type in _FOR_ONE_IMAGE for node in self.nodes) else None)
        image = self._typed("image", [fixed or "n", *self.shapes["image"][1:]])
        scalars = [self._typed(name, []) for name in further or {}]
        model = self.model(self.nodes, [image, *scalars], outputs)
        for value in model.graph.output:
            first = value.type.tensor_type.shape.dim[0]
            first.Clear()
            first.MergeFrom(image.type.tensor_type.shape.dim[0])
        onnx.save(model, folder / "net.onnx")
        given = tuple(f"{name}={value}" for name, value in (further or {}).items())
        kind = "raw" if self.kind == TensorProto.UINT8 else "unit"
        options = ModelOptions(preprocess=kind, layout=self.layout, device="cpu", input=given)
        return load(folder / "net.onnx", options)
