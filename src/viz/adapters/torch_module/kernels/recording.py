"""One forward pass on noise that notes every kernel as it runs: what it takes, what normalizes its result."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from viz.adapters.torch_module.kernels.flow import IMAGE, Flow, Flows
from viz.adapters.torch_module.kernels.image_mixture import Mixture, mixture
from viz.adapters.torch_module.kernels.operations import Sum, fixed_normalization, weighted_sum
from viz.adapters.torch_module.kernels.passing import passed, unpadded
from viz.adapters.torch_module.program import Program
from viz.adapters.torch_module.watch import Step
from viz.core.errors import NotSupported
from viz.core.kernel import Kernel
from viz.core.layer import Layer
from viz.core.result import FloatArray

Norm = tuple[FloatArray, FloatArray]
Pads = tuple[int, int, int, int]


@dataclass(frozen=True)
class _Made:
    """A kernel as it ran: its sum, the layer whose channels its data had, how pixels made that, what was put around."""

    sum: Sum
    source: str
    image: Mixture | None
    around: Pads


@dataclass
class Kernels:
    """The kernels of a model by the layer that they make, and the origin of every layer's channels."""

    made: dict[str, _Made] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    norms: dict[str, list[Norm]] = field(default_factory=dict)

    def confirmed_by(self, other: "Kernels") -> "Kernels":
        """The same, less what other images do not show too: a shift by an image's own mean is no fixed one."""
        made = {
            name: one if _same(one.image, other.made[name].image) else replace(one, image=None)
            for name, one in self.made.items()
            if name in other.made
        }
        return replace(self, made=made)

    def of(self, layer: Layer, layers: Mapping[str, Layer]) -> Kernel:
        """The kernel whose channels a layer has; raises `NotSupported` where there is none."""
        if not self.made:
            raise NotSupported(
                "the model shows no convolution and no dense layer with weights of its own",
                "give the torch module itself, a program of torch.export (.pt2), or its ONNX file",
            )
        name = self.origins.get(layer.name, "")
        if name not in self.made:
            raise NotSupported(
                f"the channels of {layer.name!r} ({layer.op}) are not, one to one, those of a convolution or a dense "
                "layer",
                "choose a convolution or a dense layer",
            )
        return self._kernel(name, layers[name].op)

    def _kernel(self, name: str, op: str) -> Kernel:
        made = self.made[name]
        weights = made.sum.weights()
        norms = self.norms.get(name, [])
        return Kernel(
            layer=name,
            op=op,
            weights=weights,
            bias=made.sum.biases(len(weights)),
            groups=made.sum.groups,
            strides=made.sum.pair("stride"),
            pads=_together(made.sum.pads(), made.around),
            dilations=made.sum.pair("dilation"),
            source=made.source,
            on_image=made.image is not None,
            image_weights=None if made.image is None else made.image.weights,
            image_offset=None if made.image is None else made.image.offset,
            norm=norms[0] if len(norms) == 1 else None,
        )


def recorded(
    program: Program, encode: Callable[[FloatArray], Tensor], images: FloatArray, layers: Collection[str]
) -> Kernels:
    """What one forward pass of `images` (b, 3, h, w) shows."""
    recorder = _Recorder(program, images, layers)
    inputs = encode(images)
    recorder.flows.note(inputs, Flow(IMAGE, 1 if inputs.shape[2:] == images.shape[2:] else 3))
    with torch.no_grad():
        program(inputs, recorder)
    return recorder.found


class _Recorder:
    def __init__(self, program: Program, images: FloatArray, layers: Collection[str]):
        self.found, self.flows = Kernels(), Flows()
        self._images, self._layers = images, layers
        self._inside: dict[int, tuple[Tensor, Pads]] = {}  # padded tensor -> what lies inside, and what around
        state = [*program.module.parameters(), *program.module.buffers()]
        self._stored = frozenset(tensor.untyped_storage().data_ptr() for tensor in state)

    def __call__(self, step: Step) -> None:
        if _is_operation(step) and step.tensors:
            self._note_operation(step)
        else:  # a module's call: what it gave without showing how follows from the image in a way of its own
            for _, tensor in step.tensors:
                if not self.flows.known(tensor):
                    self.flows.note(tensor, None)
        for name, tensor in step.tensors:
            if not step.inner and (flow := self.flows.of(tensor)):
                self.found.origins[name] = flow.origin

    def _note_operation(self, step: Step) -> None:
        results = [tensor for _, tensor in step.tensors]
        for tensor in results:
            self.flows.written(tensor)
        if not any(self.flows.moving(tensor) for tensor in step.inputs):
            return
        self._note_norm(step)
        own = self._own(step)
        flows = passed(step, self.flows) if own is None else [own]
        if (inside := unpadded(step)) is not None:
            self._inside[id(results[0])] = inside
        for tensor, flow in zip(results, flows, strict=True):
            self.flows.note(tensor, flow)

    def _own(self, step: Step) -> Flow | None:
        """The channels that a kernel makes; notes the kernel. A layer's second sum is none of its own."""
        found, name = weighted_sum(step, self.flows, self._stored), step.tensors[0][0]
        if found is None or name not in self._layers or name in self.found.made:
            return None
        data, its_sum = found
        flow = self.flows.of(data)
        matches = flow is not None and flow.axis == (data.ndim - 1 if its_sum.dense else 1)
        source = flow.origin if flow is not None and matches and flow.origin in self._layers else ""
        inner, around = self._inside.get(id(data), (data, (0, 0, 0, 0)))
        image = None if its_sum.dense else mixture(inner, self._images)
        self.found.made[name] = _Made(its_sum, source, image, around)
        return Flow(name, its_sum.axis)

    def _note_norm(self, step: Step) -> None:
        found = fixed_normalization(step)
        if found is None:
            return
        flow = self.flows.of(found[0])
        if flow is not None and flow.plain and flow.origin in self.found.made and np.ndim(found[1]) == 1:
            self.found.norms.setdefault(flow.origin, []).append(found[1:])


def _together(one: Pads, other: Pads) -> Pads:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3]


def _same(one: Mixture | None, other: Mixture | None) -> bool:
    return one is not None and other is not None and one.agrees_with(other)


def _is_operation(step: Step) -> bool:
    """Whether its arguments are positional ones and named ones; those of a module's call are as the module got them."""
    given = step.arguments
    return isinstance(given, list | tuple) and len(given) == 2 and isinstance(given[0], tuple)
