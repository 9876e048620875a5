"""All kernels of an ONNX graph, and whose channels each of its tensors has."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from viz.adapters.onnx_graph.image_input import ImageInput
from viz.adapters.onnx_graph.kernels.facts import Array, Facts, attribute, input_name
from viz.adapters.onnx_graph.kernels.flow import IMAGE, Flow, own
from viz.adapters.onnx_graph.kernels.operators import OPERATORS, channel_axis, is_kernel
from viz.adapters.onnx_graph.kernels.passing import passed, step_and_zero
from viz.adapters.onnx_graph.kernels.windows import Windows, windows_of
from viz.core.errors import NotSupported
from viz.core.kernel import Kernel
from viz.core.preprocess import Preprocess
from viz.core.result import FloatArray


@dataclass(frozen=True)
class _Made:
    """A kernel's node, its data as it flows in, and the scale of its result, where the node gives whole numbers."""

    node: onnx.NodeProto
    data: Flow | None
    scale: Array | None = None


class Kernels:
    """The kernels of a graph, by the layer that they make; weights are read when they are asked for."""

    def __init__(self, graph: onnx.GraphProto, image: ImageInput, preprocess: Preprocess, facts: Facts):
        self._facts = facts
        self._made: dict[str, _Made] = {}
        self._norms: dict[str, list[Flow]] = {}
        self._pending: dict[str, onnx.NodeProto] = {}  # whole numbers that a product will scale
        weights, offset = preprocess.matrix()
        axis = 1 if image.layout == "nchw" else 3
        self._flows = {image.name: Flow(IMAGE, axis, weights.astype(np.float64), offset.astype(np.float64))}
        self._producers = {name: node for node in graph.node for name in node.output if name}
        for node in graph.node:
            if facts.moving_inputs(node) and node.output:
                self._follow(node)

    @property
    def names(self) -> tuple[str, ...]:
        """The layers that kernels make, in execution order."""
        return tuple(self._made)

    def of(self, name: str) -> Kernel:
        """The kernel whose channels the tensor `name` has; raises `NotSupported` where there is none."""
        flow = self._flows.get(name)
        if flow is None or flow.origin not in self._made:
            raise NotSupported(_reason(name, flow, self._producers), "choose a convolution or a dense layer")
        return self._kernel(flow.origin, self._made[flow.origin])

    def origin(self, name: str) -> str:
        """The tensor whose channels `name` has; itself where that is not known, and for the image."""
        flow = self._flows.get(name)
        return name if flow is None or flow.origin == IMAGE else flow.origin

    def _follow(self, node: onnx.NodeProto) -> None:
        result = node.output[0]
        if is_kernel(node, self._facts):
            if OPERATORS[node.op_type].integer:
                self._pending[result] = node
            else:
                self._make(result, node)
        elif node.op_type == "Cast" and node.input[0] in self._pending:
            self._pending[result] = self._pending[node.input[0]]
        elif (scaled := self._scaled(node)) is not None:
            self._make(result, *scaled)
        else:
            self._flows.update(passed(node, self._flows, self._facts))
            if node.op_type == "BatchNormalization" and result in self._flows:
                flow = self._flows[result]
                self._norms.setdefault(flow.origin, []).append(flow)

    def _make(self, layer: str, node: onnx.NodeProto, scale: Array | None = None) -> None:
        data = self._flows.get(node.input[OPERATORS[node.op_type].data])
        self._made[layer] = _Made(node, data, scale)
        rank = self._facts.rank(layer)
        if rank is not None:
            self._flows[layer] = own(layer, channel_axis(node, rank))

    def _scaled(self, node: onnx.NodeProto) -> tuple[onnx.NodeProto, Array] | None:
        """Whole numbers of a kernel times (scale of the data * scale of the weights): the kernel, and the latter."""
        place = next((k for k in (0, 1) if input_name(node, k) in self._pending), None)
        if node.op_type != "Mul" or place is None:
            return None
        factor = self._producers.get(node.input[1 - place])
        if factor is None or factor.op_type != "Mul":
            return None
        constants = [value for k in (0, 1) if (value := self._facts.constant(factor, k)) is not None]
        return (self._pending[node.input[place]], constants[0]) if len(constants) == 1 else None

    def _kernel(self, layer: str, made: _Made) -> Kernel:
        node, operator = made.node, OPERATORS[made.node.op_type]
        weights, bias = operator.read(node, self._facts)
        if made.scale is not None:
            weights = weights * made.scale.reshape(-1, 1, 1, 1)
        axis = channel_axis(node, self._facts.rank(node.input[operator.data]) or 4)
        data = made.data if made.data is not None and made.data.axis == axis else None
        groups = int(attribute(node, "group", 1))
        windows = self._windows(node, (int(weights.shape[2]), int(weights.shape[3])), 1 if axis == 3 else 2)
        image_weights, image_offset = self._on_image(node, data, groups * weights.shape[1])
        return Kernel(
            layer=layer,
            op=node.op_type,
            weights=np.ascontiguousarray(weights, np.float32),
            bias=_broadcast(np.zeros(1) if bias is None else bias, len(weights)),
            groups=groups,
            strides=windows.strides,
            pads=windows.pads,
            dilations=windows.dilations,
            source="" if data is None else data.origin,
            on_image=image_weights is not None,
            image_weights=image_weights,
            image_offset=image_offset,
            norm=self._norm(layer, len(weights)),
        )

    def _windows(self, node: onnx.NodeProto, size: tuple[int, int], first: int) -> Windows:
        operator = OPERATORS[node.op_type]
        if operator.dense:
            return Windows()
        before = self._producers.get(node.input[operator.data])
        pad = before if before is not None and before.op_type == "Pad" else None
        return windows_of(node, size, self._facts, first, pad)

    def _on_image(
        self, node: onnx.NodeProto, data: Flow | None, inputs: int
    ) -> tuple[FloatArray | None, FloatArray | None]:
        """How the numbers that the kernel takes follow from pixels, where each is a weighted sum of one's colours."""
        place = OPERATORS[node.op_type].scale
        if data is not None and place is not None:  # it takes stored numbers
            step, zero = step_and_zero(node, place, data, self._facts)
            data = data.changed() if step is None else data.scaled(step, -zero * step)
        if data is None or data.origin != IMAGE or data.weights is None or data.offset is None:
            return None, None
        return data.weights.astype(np.float32), _broadcast(data.offset, inputs)

    def _norm(self, layer: str, outputs: int) -> tuple[FloatArray, FloatArray] | None:
        found = self._norms.get(layer, [])
        if len(found) != 1 or found[0].weights is None or found[0].offset is None:
            return None
        return _broadcast(found[0].weights[:, 0], outputs), _broadcast(found[0].offset, outputs)


def _broadcast(values: Array, count: int) -> FloatArray:
    return np.array(np.broadcast_to(values, (count,)), np.float32)


def _reason(name: str, flow: Flow | None, producers: Mapping[str, onnx.NodeProto]) -> str:
    if flow is not None and flow.origin == IMAGE:
        return f"{name!r} is the image itself, before any weights"
    op = producers[name].op_type if name in producers else "?"
    return f"the channels of {name!r} ({op}) are not, one to one, those of a convolution or a dense layer"
