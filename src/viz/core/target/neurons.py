"""Targets inside the model: a channel of a layer, one of its positions, the norm of the whole layer."""

from viz.core.adapter import Adapter
from viz.core.errors import UsageError
from viz.core.readings import LayerNorm, Neuron
from viz.core.target.weighted import Target, Term


def neuron_target(model: Adapter, layer: str, channel: int, at: tuple[int, int] | None = None) -> Target:
    """A channel of any layer: its mean over positions, or its value at row, column `at`."""
    found = model.layer(layer)
    if found.shape is not None:
        _check_position(found.name, found.shape, channel, at)
    place = "" if at is None else f"@{at[0]},{at[1]}"
    return Target((Term(Neuron(found.name, channel, at)),), f"{found.name}:{channel}{place}")


def norm_target(model: Adapter, layer: str) -> Target:
    """The L2 norm of all values of a layer: driven up, it is what DeepDream sees."""
    name = model.layer(layer).name
    return Target((Term(LayerNorm(name)),), f"{name}:norm", score="norm")


def _check_position(name: str, shape: tuple[int | None, ...], channel: int, at: tuple[int, int] | None) -> None:
    tokens = len(shape) == 3
    channels = shape[-1] if tokens else shape[1] if len(shape) > 1 else None
    if channels is not None and channel >= channels:
        raise UsageError(f"{name} has no channel {channel}", f"its channels are 0 to {channels - 1}")
    if at is None:
        return
    grid = (1, shape[1]) if tokens else shape[2:]
    if len(grid) != 2 or any(size is not None and i >= size for i, size in zip(at, grid, strict=True)):
        raise UsageError(
            f"{name} has no position {at[0]},{at[1]}",
            f"its positions are {'x'.join(map(str, grid)) or 'none: it is a vector'} (rows x columns)",
        )
