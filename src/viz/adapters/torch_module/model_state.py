"""Whether a torch model is still what it was: its weights to the last bit, and what it makes of a noise image."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from viz.adapters.torch_module.runner import Runner, Table
from viz.adapters.torch_module.trial import noise
from viz.core.batched_patches import largest_difference
from viz.core.result import FloatArray

# The same model gives the same image the same values, up to the order of sums on a GPU.
_SAME = 1e-5


@dataclass(frozen=True)
class ModelState:
    """A model at one moment.

    Version counters of tensors would be quicker and miss what is written through `.data` or numpy. What is no
    tensor (a number in an attribute, a hook, a part of another class) shows in the values.

    Attributes:
        weights: a checksum of all parameters and buffers.
        values: layers for a noise image.
    """

    weights: str
    values: dict[str, FloatArray]

    def same_as(self, other: "ModelState") -> bool:
        """Whether it is the same function, as far as both show."""
        if self.weights != other.weights or self.values.keys() != other.values.keys():
            return False
        return largest_difference(self.values, other.values, tuple(self.values)) <= _SAME * scale_of(other.values)


def state_of(runner: Runner, table: Table, layers: tuple[str, ...]) -> ModelState:
    """What the model is now; raises as `Adapter.run`."""
    values = runner.values(table, noise(runner, table.at_a_time or 1), set(layers))
    return ModelState(checksum(runner.program.module), values)


def scale_of(values: Mapping[str, FloatArray]) -> float:
    """The largest of them, and at least 1: what differences are relative to."""
    return max(1.0, *(float(np.abs(value[np.isfinite(value)]).max(initial=0.0)) for value in values.values()))


def checksum(module: nn.Module) -> str:
    """SHA-256 of all parameters and buffers with their names, shapes and types."""
    digest = hashlib.sha256()
    for name, tensor in _tensors(module):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(_bytes(tensor).data)
    return digest.hexdigest()


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()


def _bytes(tensor: Tensor) -> NDArray[np.uint8]:
    plain = (
        tensor.int_repr() if tensor.is_quantized else tensor if tensor.layout == torch.strided else tensor.to_dense()
    )
    found: NDArray[np.uint8] = plain.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
    return found
