"""Channels of layers from `--layer`, `--channel`, `--at` and `--grid`."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from viz.core.adapter import Adapter
from viz.core.errors import UsageError
from viz.core.target import Target, neuron_target

if TYPE_CHECKING:
    from viz.techniques.synthesis.maximize import Maximize

_MOST_CHANNELS = 1_000_000


def neurons(asked: "Maximize", model: Adapter) -> Iterator[tuple[str, int, Target]]:
    """Layer, channel and target of every neuron that is asked for. Raises `UsageError` naming the flag at fault."""
    if not asked.layer:
        _refuse_without_layer(asked)
        return
    at = position(asked.at) if asked.at is not None else None
    for layer in dict.fromkeys(name for pattern in asked.layer for name in _named(model, pattern)):
        for channel in _channels(asked, model, layer):
            try:
                yield layer, channel, neuron_target(model, layer, channel, at)
            except UsageError as problem:
                flags = f"--channel {asked.channel}" if at is None else f"--at {asked.at}"
                raise UsageError(f"{flags}: {problem.problem}", problem.next_step) from None


def _refuse_without_layer(asked: "Maximize") -> None:
    given = {"--channel": asked.channel, "--at": asked.at, "--grid": asked.grid}
    for flag, value in given.items():
        if value not in (None, False):
            raise UsageError(f"{flag} says where in a layer, and no layer is named", "add --layer NAME")


def _named(model: Adapter, pattern: str) -> list[str]:
    """The layers that a name, an alias or a glob means."""
    if set(pattern) & set("*?[") and pattern not in model.layers:
        found = [layer.name for layer in model.matching(pattern)]
        if not found:
            listing = f"`viz layers --model {model.source.spec}` lists all {len(model.layers)}"
            raise UsageError(f"--layer {pattern}: no layer matches that", listing)
        return found
    return [model.layer(pattern).name]


def _channels(asked: "Maximize", model: Adapter, layer: str) -> Sequence[int]:
    if asked.channel is not None and asked.grid:
        raise UsageError("--grid means all channels, and --channel some", "leave one of them out")
    if asked.channel is not None:
        return channel_numbers(asked.channel)
    if not asked.grid:
        raise UsageError(f"--layer {layer} names no neuron yet", "add --channel 0-15, or --grid for all of them")
    shape = model.layer(layer).shape
    count = None if not shape or len(shape) < 2 else shape[-1] if len(shape) == 3 else shape[1]
    if count is None:
        raise UsageError(f"--grid: how many channels {layer} has is not known", "say which: --channel 0-15")
    return range(count)


def channel_numbers(text: str) -> list[int]:
    """`0-3,7` as 0, 1, 2, 3, 7. Raises `UsageError`."""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
        if not 0 <= last - first < _MOST_CHANNELS:
            raise UsageError(f"--channel {text} is not a list of channels", "for example --channel 7 or 0-15,40")
        found += range(first, last + 1)
    return list(dict.fromkeys(found))


def position(text: str) -> tuple[int, int]:
    """Row and column from `6,8`, as `--at` gives it. Raises `UsageError`."""
    match = re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*", text)
    if not match:
        raise UsageError(f"--at {text} is not a row and a column", "for example --at 6,8")
    return int(match[1]), int(match[2])
