"""Which images `viz maximize` makes: targets from texts, channels and grids, several starts of each, in groups."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from viz.core.adapter import Adapter
from viz.core.errors import UsageError
from viz.core.making import Piece
from viz.core.target import Target
from viz.techniques.synthesis._wanted_neurons import neurons
from viz.techniques.synthesis._wanted_texts import targets_of_texts

if TYPE_CHECKING:
    from viz.techniques.synthesis.maximize import Maximize

TOGETHER = 64  # images in one optimization: `--channel 0-63` is one


@dataclass(frozen=True)
class Wanted:
    """A target, and which of its starts this is, from 0."""

    target: Target
    start: int


@dataclass(frozen=True)
class _Spot:
    """A target, what the user calls it, and where its images stand in the sheet."""

    target: Target
    text: str
    row: str = ""
    column: str = ""


def pieces(asked: "Maximize", model: Adapter) -> list[list[Piece]]:
    """All images to make, in groups that share layers. Raises `UsageError` where nothing, or no such thing, is asked.

    A target that is asked for in two ways is made once.
    """
    spots = _each_once(_spots(asked, model))
    if not spots:
        hint = "--target CLASS, --target LAYER:CHANNEL, or --layer L with --channel 0-15 or --grid"
        listing = f"`viz layers --model {model.source.spec}` lists the layers"
        raise UsageError("what to drive up is not said", f"{hint}; {listing}")
    labels = Counter(spot.target.label for spot in spots)
    every = [one for spot in spots for one in _starts(asked.starts, spot, labels[spot.target.label] > 1)]
    return [group for _, same in groupby(every, _kind) for group in _chunks(list(same), _at_once(asked))]


def _each_once(spots: Iterator[_Spot]) -> list[_Spot]:
    found: dict[Target, _Spot] = {}
    for spot in spots:
        found.setdefault(spot.target, spot)
    return list(found.values())


def _spots(asked: "Maximize", model: Adapter) -> Iterator[_Spot]:
    for text, target in targets_of_texts(asked.target, model):
        yield _Spot(target, text)
    found = list(neurons(asked, model))
    several = len({layer for layer, _, _ in found}) > 1
    for layer, channel, target in found:
        places = (layer, f"channel {channel}") if several else ("", "")
        yield _Spot(target, target.label, *places)


def _at_once(asked: "Maximize") -> int:
    """How many images are made together: with diversity, those of one target and no others."""
    return asked.starts if asked.diversity else max(TOGETHER, asked.starts)


def _kind(piece: Piece) -> tuple[tuple[str, ...], bool]:
    """What images of one optimization have in common: the layers, and whether other classes can be held down."""
    target: Target = piece.asked.target
    return target.layers, target.class_index is None


def _chunks(every: list[Piece], size: int) -> Iterator[list[Piece]]:
    for start in range(0, len(every), size):
        yield every[start : start + size]


def _starts(count: int, spot: _Spot, ambiguous: bool) -> Iterator[Piece]:
    name = spot.text if ambiguous else spot.target.label
    if count == 1:
        yield Piece(name, Wanted(spot.target, 0), row=spot.row, column=spot.column)
        return
    for start in range(count):
        heading = f"{spot.column} start {start + 1}".strip()
        yield Piece(f"{name} start {start + 1}", Wanted(spot.target, start), row=spot.row or name, column=heading)


def of(wanted: Sequence[Piece]) -> list[Wanted]:
    """What each piece asks for."""
    return [piece.asked for piece in wanted]
