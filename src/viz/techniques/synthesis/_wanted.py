"""Which images `viz maximize` makes: targets from texts, channels and grids, several starts of each, in groups."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ImageError, UsageError
from viz.core.making import Piece
from viz.core.target import Target, neuron_target, targets_for

if TYPE_CHECKING:
    from viz.techniques.synthesis.maximize import Maximize

TOGETHER = 16  # images in one optimization: enough to share its costs, few enough to lose little to a Ctrl-C


@dataclass(frozen=True)
class Wanted:
    """A target, and which of its starts this is, from 0."""

    target: Target
    start: int


def pieces(asked: "Maximize", model: Adapter) -> list[list[Piece]]:
    """All images to make, in groups that share layers. Raises `UsageError` where nothing, or no such thing, is asked."""
    found = [*_of_texts(asked, model), *_of_layers(asked, model)]
    if not found:
        hint = "--target CLASS, --target LAYER:CHANNEL, or --layer L with --channel 0-15 or --grid"
        raise UsageError("what to drive up is not said", f"{hint}; `viz layers --model M` lists the layers")
    every = [one for target, row, column in found for one in _starts(asked, target, row, column)]
    return [group for _, same in groupby(every, _layers) for group in _chunks(list(same), _at_once(asked))]


def _at_once(asked: "Maximize") -> int:
    """How many images are made together: with diversity, those of one target and no others."""
    return asked.starts if asked.diversity else max(TOGETHER, asked.starts)


def _layers(piece: Piece) -> tuple[str, ...]:
    wanted: Wanted = piece.asked
    return wanted.target.layers


def _chunks(every: list[Piece], size: int) -> Iterator[list[Piece]]:
    for start in range(0, len(every), size):
        yield every[start : start + size]


def _starts(asked: "Maximize", target: Target, row: str, column: str) -> Iterator[Piece]:
    if asked.starts == 1:
        yield Piece(target.label, Wanted(target, 0), row=row, column=column)
        return
    for start in range(asked.starts):
        heading = f"{column} start {start + 1}".strip()
        yield Piece(f"{target.label} start {start + 1}", Wanted(target, start), row=row or target.label, column=heading)


def _of_texts(asked: "Maximize", model: Adapter) -> Iterator[tuple[Target, str, str]]:
    seen: set[str] = set()
    for text in asked.target:
        _refuse_of_an_image(text)
        # Choices that depend on an image, such as a box, are made on mid-gray.
        gray = np.full((1, 3, *model.size), 0.5, np.float32)
        try:
            target = targets_for(text, model, gray)[0]
        except ImageError as problem:
            raise UsageError(f"--target {text}: {problem.problem}", "name a class or a neuron") from None
        if target.label not in seen:
            yield target, "", ""
        seen.add(target.label)


def _refuse_of_an_image(text: str) -> None:
    if re.fullmatch(r"top\d+|label", text.strip()):
        raise UsageError(f"--target {text} is a class of an image, and there is none yet", "name a class or a neuron")


def _of_layers(asked: "Maximize", model: Adapter) -> Iterator[tuple[Target, str, str]]:
    if not asked.layer:
        _refuse_without_layer(asked)
        return
    at = _position(asked.at)
    names = dict.fromkeys(name for pattern in asked.layer for name in _named(model, pattern))
    for name in names:
        for channel in _channels(asked, model, name):
            target = neuron_target(model, name, channel, at)
            several = len(names) > 1
            yield target, name if several else "", f"channel {channel}" if several else ""


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
            raise UsageError(f"no layer matches {pattern!r}", "`viz layers --model M` lists them")
        return found
    return [model.layer(pattern).name]


def _channels(asked: "Maximize", model: Adapter, layer: str) -> list[int]:
    if asked.channel is not None and asked.grid:
        raise UsageError("--grid means all channels, and --channel some", "leave one of them out")
    if asked.channel is not None:
        return numbers(asked.channel)
    if not asked.grid:
        raise UsageError(f"--layer {layer} names no neuron yet", "add --channel 0-15, or --grid for all of them")
    shape = model.layer(layer).shape
    count = None if not shape or len(shape) < 2 else shape[-1] if len(shape) == 3 else shape[1]
    if count is None:
        raise UsageError(f"how many channels {layer} has is not known", "say which: --channel 0-15")
    return list(range(count))


def numbers(text: str) -> list[int]:
    """`0-3,7` as 0, 1, 2, 3, 7. Raises `UsageError`."""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", part)
        if not match or (match[2] and int(match[2]) < int(match[1])):
            raise UsageError(f"--channel {text} is not a list of channels", "for example --channel 7 or 0-15,40")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return list(dict.fromkeys(found))


def _position(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*", text)
    if not match:
        raise UsageError(f"--at {text} is not a row and a column", "for example --at 6,8")
    return int(match[1]), int(match[2])


def of(wanted: Sequence[Piece]) -> list[Wanted]:
    """What each piece asks for."""
    return [piece.asked for piece in wanted]
