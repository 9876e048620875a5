"""What `viz dream` drives up on which layer, from its options."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import NotSupported, UsageError
from viz.core.readings import Constant
from viz.core.result import FloatArray
from viz.core.target import Target, Term, neuron_target
from viz.techniques._spatial_layers import Grid, grids
from viz.techniques.synthesis._energy import Energy, Guided, NeuronEnergy
from viz.techniques.synthesis._given_picture import given_photo, middle_of
from viz.techniques.synthesis._scales import JOINED, RECTIFIED, stride
from viz.techniques.synthesis._wanted_neurons import position

if TYPE_CHECKING:
    from viz.techniques.synthesis.dream import Dream

_STRIDE = 16  # pixels between positions of the layer that is chosen: objects' parts live there


def dream_layer(model: Adapter, asked: str | None) -> str:
    """The layer that is asked for; else the last one, or in a network that ends there the middle one, at stride 16.

    Where no positions are 16 pixels apart, it is the middle one of all layers that have positions.
    """
    if asked is not None:
        return model.layer(asked).name
    chosen = _chosen(model)
    model.note(f"dreams with layer {chosen.describe()}; --layer takes another one")
    return chosen.layer.name


def _chosen(model: Adapter) -> Grid:
    every = [grid for grid in grids(model) if min(grid.size) > 1]
    if not every:
        raise NotSupported(f"{model.source.name} has no layer with positions", "name a layer: --layer NAME")
    found = [grid for grid in every if grid.layer.op in RECTIFIED | JOINED] or every
    there = [grid for grid in found if stride(model, grid) == _STRIDE]
    if not there:
        return found[len(found) // 2]
    goes_deeper = any(stride(model, grid) > _STRIDE for grid in found)
    return there[-1 if goes_deeper else len(there) // 2]


def dream_target(asked: "Dream", model: Adapter, layer: str) -> Target:
    """What is driven up of each tile. Raises `UsageError` for a channel or a position that the layer has not."""
    if asked.guide:
        reading = Guided(layer, Constant.of(_features(model, layer, asked.guide)))
        return Target((Term(reading),), f"{layer} guided by {Path(asked.guide).name}", score="likeness")
    if asked.channel is None:
        return Target((Term(Energy(layer)),), f"{layer} squared", score="energy")
    at = None if asked.at is None else position(asked.at)
    neuron = _checked(asked, model, layer, asked.channel, at)
    whole = Energy(layer, asked.channel) if at is None else NeuronEnergy(layer, asked.channel, at)
    return Target((Term(whole),), f"{neuron} squared", score="energy")


def _checked(asked: "Dream", model: Adapter, layer: str, channel: int, at: tuple[int, int] | None) -> str:
    """What a channel or neuron is called."""
    try:
        return neuron_target(model, layer, channel, at).label
    except UsageError as problem:
        flags = f"--channel {channel}" + (f" --at {asked.at}" if at is not None else "")
        raise UsageError(f"{flags}: {problem.problem}", problem.next_step) from None


def _features(model: Adapter, layer: str, path: str) -> FloatArray:
    """The guide's features at a layer, (c, n), of the middle of the image."""
    pixels = middle_of(given_photo("--guide", path), model.size)
    values = model.run(pixels[None].copy(), [layer])[layer][0]
    if values.ndim == 1:
        raise UsageError(f"--guide compares positions, and {layer} has none", "name another --layer")
    found = values.T if values.ndim == 2 else values.reshape(len(values), -1)
    return np.ascontiguousarray(found, np.float32)
