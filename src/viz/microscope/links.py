"""Which channels feed which, by the weights between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import NotSupported
from viz.core.kernel import Kernel
from viz.core.result import FloatArray

STRONGEST = 5

Links = dict[str, dict[int, dict[str, Any]]]


def links(model: Adapter, layers: Mapping[str, Sequence[int]]) -> Links:
    """For channels of layers, what feeds them most and what they feed most: `fed` and `feeds`, by layer and channel.

    Each is a list of {"layer", "channels": [{"channel", "strength"}, …]}, the strongest first, at most five. The
    strength from input i to output o is the length (L2 norm) of weights[o, i]. What feeds a layer is named by the
    layer in `layers` that has these channels, or by its own name where none has; what a layer feeds is looked for
    in `layers` only. Layers without weights of their own, and those on the image, are fed by nothing.
    """
    kernels = {name: kernel for name in layers if (kernel := _kernel(model, name)) is not None}
    origins = {name: model.channels_of(name) for name in layers}
    found: Links = {name: {channel: {} for channel in channels} for name, channels in layers.items()}
    seen: set[str] = set()
    for name, kernel in kernels.items():
        if not kernel.source:
            continue
        weights = _Weights.of(kernel)
        source = _named(kernel.source, origins)
        for channel in layers[name]:
            _add(found[name][channel], "fed", source, weights.into(channel))
        if kernel.layer in seen:  # a layer and its activation are fed alike: the first stands for both
            continue
        seen.add(kernel.layer)
        for giver in (one for one, its in origins.items() if its == kernel.source):
            for channel in layers[giver]:
                _add(found[giver][channel], "feeds", name, weights.out_of(channel))
    return found


@dataclass(frozen=True)
class _Weights:
    """Strengths (outputs, inputs / groups) of a kernel's weights."""

    strengths: FloatArray
    groups: int

    @classmethod
    def of(cls, kernel: Kernel) -> "_Weights":
        strengths = np.sqrt(np.square(kernel.weights, dtype=np.float64).sum((2, 3))).astype(np.float32)
        return cls(strengths, kernel.groups)

    def into(self, output: int) -> list[tuple[int, float]]:
        """The inputs that an output gets most from."""
        if output >= len(self.strengths):
            return []
        inputs = self.strengths.shape[1]
        first = output * self.groups // len(self.strengths) * inputs
        return _strongest(self.strengths[output], first)

    def out_of(self, source: int) -> list[tuple[int, float]]:
        """The outputs that get most from an input."""
        group, place = divmod(source, self.strengths.shape[1])
        if group >= self.groups:
            return []
        outputs = len(self.strengths) // self.groups
        return _strongest(self.strengths[group * outputs : (group + 1) * outputs, place], group * outputs)


def _strongest(strengths: FloatArray, first: int) -> list[tuple[int, float]]:
    """The strongest, above zero, with their numbers counted from `first`."""
    order = np.argsort(-strengths, kind="stable")[:STRONGEST]
    return [(first + int(place), float(strengths[place])) for place in order if strengths[place] > 0]


def _add(found: dict[str, Any], kind: str, layer: str, channels: list[tuple[int, float]]) -> None:
    if channels:
        pairs = [{"channel": channel, "strength": strength} for channel, strength in channels]
        found.setdefault(kind, []).append({"layer": layer, "channels": pairs})


def _kernel(model: Adapter, name: str) -> Kernel | None:
    """The weights of a layer; None where it has none, which is nothing to worry about."""
    try:
        return model.kernel(name)
    except NotSupported:
        return None


def _named(source: str, origins: Mapping[str, str]) -> str:
    """The layer that is looked at, and has the channels of `source`: it itself, or one that differs in values only."""
    if source in origins:
        return source
    return next((one for one, origin in origins.items() if origin == source), source)
