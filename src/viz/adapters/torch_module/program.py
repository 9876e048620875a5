"""A torch model in the one form that the adapter runs: an image tensor in, every step shown to an observer."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from viz.adapters.torch_module.values import named_outputs
from viz.adapters.torch_module.watch import Observer, Step, class_of, watching, with_parameters
from viz.core.errors import ModelError


class Program(ABC):
    """A model that shows its steps.

    Attributes:
        module: holds the parameters and the training flags.
        batch: the number of images that it was made for; None where any number will do.
        aliases: further names of its layers.
        notes: what the user should know of how it is run.
    """

    module: nn.Module
    batch: int | None
    aliases: Mapping[str, tuple[str, ...]]
    notes: list[str]

    @abstractmethod
    def __call__(self, inputs: Tensor, observe: Observer, inside: bool = True) -> None:
        """Run forward. `observe` gets every step, the last being the model's outputs; `inside=False`: only that."""


class ModuleProgram(Program):
    """A plain module or a TorchScript one, of which only the outputs can be seen."""

    def __init__(self, module: nn.Module, further_inputs: Mapping[str, Any]):
        self.module = module
        self.batch = None
        self.aliases = {}
        self._further = further_inputs
        self._paths = {path for path, _ in module.named_modules()}
        self.notes = [_SCRIPTED] if isinstance(module, torch.jit.ScriptModule) else []

    def __call__(self, inputs: Tensor, observe: Observer, inside: bool = True) -> None:
        """See `Program`."""
        if inside:
            with watching(self.module, observe):
                result = self.module(inputs, **self._further)
        else:
            result = self.module(inputs, **self._further)
        outputs = named_outputs(result, self._paths)
        if isinstance(self.module, torch.jit.ScriptModule):
            observe(Step("output", _last_operation(self.module), [], outputs, inner=True))
        observe(Step("output", class_of(self.module), with_parameters(self.module, inputs), outputs))


def _last_operation(module: torch.jit.ScriptModule) -> str:
    """`sigmoid` where aten::sigmoid makes the first output: it shows in no figures, unlike a softmax."""
    kinds = [value.node().kind() for value in module.inlined_graph.outputs()]
    return str(kinds[0]).removeprefix("aten::") if kinds else ""


_SCRIPTED = "TorchScript shows only its outputs; torch.export (.pt2) or the module itself show every layer"


def forward_with_layers(
    program: Program,
    inputs: Tensor,
    wanted: Collection[str],
    outputs: Collection[str],
    keep: Callable[[Tensor], Tensor] = torch.clone,
) -> dict[str, Tensor]:
    """The values of `wanted` as torch tensors on the model's device, autograd as the caller has set it.

    A value is kept by `keep` in the moment it is made; a clone is safe from later operations in place.
    Raises `ModelError` where a wanted layer was not computed this time.
    """
    kept: dict[str, Tensor] = {}

    def observe(step: Step) -> None:
        if not step.inner:
            kept.update((name, keep(tensor)) for name, tensor in step.tensors if name in wanted)

    program(inputs, observe, inside=not set(wanted) <= set(outputs))
    for name in wanted:
        if name not in kept:
            raise not_computed(name)
    return kept


def not_computed(layer: str) -> ModelError:
    """What to raise for a layer that was there in the trial run and is not this time."""
    return ModelError(
        f"layer {layer!r} was not computed for these images: the model takes another path than it did before",
        "choose a layer that is always computed",
    )


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; afterwards every part has the training flag that it had, also after an error."""
    # Frozen TorchScript has no flag. Flags are set one by one: train() and eval() may be overridden.
    training = [part for part in module.modules() if getattr(part, "training", False)]
    try:
        for part in training:
            part.training = False
        yield
    finally:
        for part in training:
            part.training = True
