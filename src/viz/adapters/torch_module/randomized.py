"""A copy of a torch module with the weights of its last layers drawn anew; the module itself stays as it is."""

from collections.abc import Iterable
from copy import deepcopy
from math import ceil, prod, sqrt

import numpy as np
import torch
from torch import Tensor, nn

from viz.core.errors import NotSupported

# What the vectors of a layer are as training begins; the statistics of a normalization are buffers.
_VECTORS = {"bias": 0.0, "running_mean": 0.0, "running_var": 1.0, "weight": 1.0}


def randomized(module: nn.Module, order: Iterable[str], seed: int, part: float) -> nn.Module:
    """A deep copy in which the last `part` of the layers with weights have new ones; see `Adapter.randomized`.

    Weights of two or more axes are drawn from a normal distribution of variance 2 / inputs (He et al. 2015,
    eq. 10), biases become 0, normalizations begin anew, and other vectors are shuffled. `order` are paths
    of parts as they run. Raises `NotSupported` for a module without weights of floating point.
    """
    changed = deepcopy(module)
    layers = _layers(changed, order)
    if not layers:
        raise NotSupported(f"{type(module).__name__} has no weights of floating point to draw anew", "")
    chosen = layers[len(layers) - ceil(part * len(layers)) :]
    with torch.no_grad():
        # Numbered from the end, so that a larger part draws the same values for the layers of a smaller one.
        for number, layer in enumerate(reversed(chosen)):
            for place, (name, value) in enumerate(sorted(layer.items())):
                drawn = _drawn(name, value, np.random.default_rng((seed, number, place)))
                value.copy_(drawn.to(value))
    return changed


def _layers(module: nn.Module, order: Iterable[str]) -> list[dict[str, Tensor]]:
    """Parameters and statistics of every part that has some, in the order in which the parts first run."""
    owners: dict[str, dict[str, Tensor]] = {}
    for path, value in _values(module):
        owner, _, name = path.rpartition(".")
        owners.setdefault(owner, {})[name] = value
    first: dict[str, int] = {}
    for position, path in enumerate(order):
        first.setdefault(path.partition("#")[0], position)
    # What is not called as a part of its own, such as a class token, comes first: it is near the image.
    return [owners[owner] for owner in sorted(owners, key=lambda owner: first.get(owner, -1))]


def _values(module: nn.Module) -> list[tuple[str, Tensor]]:
    named: list[tuple[str, Tensor]] = list(module.named_parameters())
    named += [(path, value) for path, value in module.named_buffers() if path.endswith(("running_mean", "running_var"))]
    return [(path, value) for path, value in named if value.is_floating_point() and value.numel() > 1]


def _drawn(name: str, value: Tensor, random: np.random.Generator) -> Tensor:
    shape = tuple(value.shape)
    if len(shape) > 1:
        return torch.from_numpy(random.normal(0, sqrt(2 / prod(shape[1:])), shape))
    if name in _VECTORS:
        return torch.full(shape, _VECTORS[name])
    return value[torch.from_numpy(random.permutation(value.numel())).to(value.device)]
