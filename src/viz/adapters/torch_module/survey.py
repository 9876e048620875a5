"""One trial forward of a torch model: every tensor it makes, its shape, what it costs, where a softmax stands."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from viz.adapters.torch_module.costs import macs_of
from viz.adapters.torch_module.program import Program
from viz.adapters.torch_module.watch import Step
from viz.core.adapter import Squash

_SQUASHES: dict[str, Squash] = {"softmax": "softmax", "log_softmax": "softmax", "sigmoid": "sigmoid"}


@dataclass(frozen=True)
class Reading:
    """A tensor as it passed: what made it, its shape, the sum of its absolute values, its cost."""

    op: str
    shape: tuple[int, ...]
    weight: float
    parameters: int
    macs: int | None


@dataclass(frozen=True)
class Squashed:
    """A softmax, log-softmax or sigmoid over class scores: the layer that it read, and what it gave."""

    op: str
    squash: Squash
    source: str | None
    result: Tensor


@dataclass(frozen=True)
class Survey:
    """What a trial forward showed: all readings in execution order, and the outputs among them, with values."""

    batch: int
    readings: Mapping[str, Reading]
    outputs: Mapping[str, Tensor]
    squashed: list[Squashed]

    def squash_of(self, output: str) -> Squashed | None:
        """The softmax or sigmoid whose result this output is, if one was seen."""
        memory = self.outputs[output].data_ptr()
        return next((s for s in self.squashed if s.result.data_ptr() == memory), None)


def survey(program: Program, inputs: Tensor) -> Survey:
    """Run the model once and write down what it does."""
    surveyor = _Surveyor(len(inputs))
    with torch.no_grad():
        program(inputs, surveyor)
    return Survey(len(inputs), surveyor.readings, surveyor.outputs, surveyor.squashed)


class _Surveyor:
    def __init__(self, batch: int):
        self._batch = batch
        self.readings: dict[str, Reading] = {}
        self.outputs: dict[str, Tensor] = {}
        self.squashed: list[Squashed] = []
        self._made_by: dict[int, str] = {}  # address of a tensor's memory -> the layer that last wrote there
        self._known: set[int] = set()
        self._parameters: Counter[str] = Counter()
        self._macs: dict[str, int | None] = {}

    def __call__(self, step: Step) -> None:
        self._note_cost(step)
        self._note_squash(step)
        self.outputs = dict(step.tensors)  # the last step's are the model's
        if not step.inner:
            cost: tuple[int, int | None] = self._parameters.pop(step.name, 0), self._macs.pop(step.name, 0)
            for name, tensor in step.tensors:
                self._note(name, step.op, tensor, *cost)
                cost = 0, 0  # counted once, at the first of several tensors

    def _note(self, name: str, op: str, tensor: Tensor, parameters: int, macs: int | None) -> None:
        if not tensor.is_complex() and tensor.layout == torch.strided and not tensor.is_nested:
            weight = weight_of(tensor)
            self.readings[name] = Reading(op, tuple(tensor.shape), weight, parameters, macs)
            self._made_by[tensor.data_ptr()] = name

    def _note_cost(self, step: Step) -> None:
        """Parameters count where they are first used, so that sums over layers are right."""
        for tensor in step.inputs:
            if isinstance(tensor, nn.Parameter) and id(tensor) not in self._known:
                self._known.add(id(tensor))
                self._parameters[step.name] += tensor.numel()
        macs = macs_of(step.op, step.inputs, [tensor for _, tensor in step.tensors])
        self._macs[step.name] = total(self._macs.get(step.name, 0), None if macs is None else macs // self._batch)

    def _note_squash(self, step: Step) -> None:
        squash = _SQUASHES.get(step.op)
        if squash and step.tensors and _is_scores(step.tensors[0][1]):
            source = self._made_by.get(step.inputs[0].data_ptr()) if step.inputs else None
            self.squashed.append(Squashed(step.op, squash, source, step.tensors[0][1]))


def weight_of(tensor: Tensor) -> float:
    """The sum of absolute values: tells tensors of different images apart, whatever the order inside."""
    plain = tensor.dequantize() if tensor.is_quantized else tensor
    return float(plain.float().abs().sum(dtype=torch.float64))


def total(a: int | None, b: int | None) -> int | None:
    """Their sum; None where one of them is not known."""
    return None if a is None or b is None else a + b


def _is_scores(tensor: Tensor) -> bool:
    """(b, classes) or (b, classes, 1, …). Only these are held on to: attention has softmaxes of its own."""
    return tensor.ndim >= 2 and math.prod(tensor.shape[2:]) == 1
