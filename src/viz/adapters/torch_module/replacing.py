"""Running a torch model with the value of one layer given: it takes the place of what the model computes for it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from viz.adapters.torch_module.batches import largest_difference
from viz.adapters.torch_module.program import evaluating, not_computed
from viz.adapters.torch_module.runner import Runner, Table, as_array
from viz.adapters.torch_module.trial import noise
from viz.adapters.torch_module.watch import Step
from viz.core.errors import NotSupported
from viz.core.result import FloatArray
from viz.core.torch_errors import torch_errors

_TOLERANCE = 1e-3  # of the largest value: rounding apart, the model must go on as from its own value


def values_from(
    runner: Runner, table: Table, layer: str, values: FloatArray, names: Collection[str]
) -> dict[str, FloatArray]:
    """The layers `names` where `layer` has `values` (b, …). The model runs as a whole, on images of noise.

    What `names` follow from apart from `layer` would be that of the noise: `check_cut` says whether there is any.
    """
    return _from(runner, table, layer, values, names, noise(runner, len(values)))


def check_cut(runner: Runner, table: Table, layer: str, names: Collection[str]) -> None:
    """Raise `NotSupported` where `names` follow from anything but `layer`, found on real values.

    The layer's value for some images, given while others are run, must lead to what the first lead to.
    """
    images = noise(runner, 2)
    clean = runner.values(table, images, {layer, *names})
    found = _from(runner, table, layer, clean[layer], names, 1 - images)
    if largest_difference({name: clean[name] for name in names}, found) > _TOLERANCE:
        raise NotSupported(
            f"{layer!r} does not hold all that {', '.join(map(repr, names))} follows from: something goes around it",
            "choose a layer that everything goes through, such as the end of a block",
        )


@dataclass
class _Exchange:
    """Observes one run, puts `given` in the place of `layer`, and keeps the layers `names`."""

    layer: str
    given: Tensor
    names: Collection[str]
    kept: dict[str, Tensor] = field(default_factory=dict)
    done: bool = False

    def __call__(self, step: Step) -> Tensor | None:
        if step.inner:
            return None
        self.kept.update((name, tensor.clone()) for name, tensor in step.tensors if name in self.names)
        for name, tensor in step.tensors:
            if name == self.layer:
                self._check(step, tensor)
                self.done = True
                return self.given.to(tensor)
        return None

    def _check(self, step: Step, tensor: Tensor) -> None:
        if len(step.tensors) > 1 or tensor.is_quantized or tensor.shape != self.given.shape:
            raise NotSupported(
                f"the value of {self.layer!r} cannot be given: it is one of several results, quantized, or of a shape "
                f"other than {tuple(self.given.shape)}",
                "choose another layer",
            )


def _from(
    runner: Runner, table: Table, layer: str, values: FloatArray, names: Collection[str], images: FloatArray
) -> dict[str, FloatArray]:
    if layer in table.outputs:
        raise NotSupported(f"{layer!r} is an output: nothing follows from it", "choose an earlier layer")
    size = table.at_a_time or max(1, len(values))
    pieces = []
    for start in range(0, len(values), size):
        rows, shown = values[start : start + size], images[start : start + size]
        missing = size - len(rows)
        filled, under = (np.concatenate([part, part[-1:].repeat(missing, 0)]) for part in (rows, shown))
        found = _piece(runner, table, layer, filled, names, under)
        pieces.append({name: value[: len(rows)] for name, value in found.items()})
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in names}


def _piece(
    runner: Runner, table: Table, layer: str, values: FloatArray, names: Collection[str], images: FloatArray
) -> Mapping[str, FloatArray]:
    given = table.places[layer].restored(torch.from_numpy(np.ascontiguousarray(values)))
    exchange = _Exchange(layer, given, names)
    with evaluating(runner.program.module), torch.no_grad(), torch_errors(runner.name):
        runner.program(runner.encoded(images), exchange)
    for name in (layer, *names):
        if name not in exchange.kept and not (name == layer and exchange.done):
            raise not_computed(name)
    return {name: as_array(exchange.kept[name], table.places[name]) for name in names}
