"""Techniques that look at a whole folder of images at once, image by image, into a state that can be merged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from viz.core.adapter import Adapter
from viz.core.result import FloatArray, Number
from viz.core.technique import TechniqueInfo

# What a survey knows so far: arrays by name, and nothing else, so that it can be stored, sent and compared.
State = Mapping[str, NDArray[Any]]

# All that follows from the technique, the model and the classes alone: plain values, as JSON holds them.
Plan = Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """One image as a survey gets it.

    Attributes:
        index: its place in the listing of the whole run: the same in every shard and on every machine.
        name: what people call it.
        pixels: (3, h, w) of the model's size, RGB float32 in [0, 1].
        truth: its true class, an index into the classes that the plan was made with; None where none is known.
        fingerprint: 63 bits, nearly the same where a photo is scaled or stored again (`fingerprints.fingerprint`).
    """

    index: int
    name: str
    pixels: FloatArray
    truth: int | None = None
    fingerprint: int = 0


@dataclass(frozen=True)
class Window:
    """A rectangle on the model's input, in its pixels, edges not centres."""

    top: float
    left: float
    bottom: float
    right: float


@dataclass(frozen=True)
class Cut:
    """A part of one of the images that is worth showing.

    Attributes:
        image: the image's index.
        value: how strongly the unit responds there.
        window: what of the model's input it responds to, within the input.
        place: row and column among the layer's positions; () where it has none.
        clipped: the unit sees beyond the edge of the image here: `window` is only the part inside.
        heat: (rows, columns) uint8, the unit's responses around the place, 255 at `value`, 0 for 0 and below.
        heat_window: what of the model's input the cells of `heat` cover together; may reach beyond the input.
    """

    image: int
    value: float
    window: Window
    place: tuple[int, ...] = ()
    clipped: bool = False
    heat: NDArray[np.uint8] | None = None
    heat_window: Window | None = None


@dataclass(frozen=True)
class Unit:
    """What was found for one channel of a layer.

    Attributes:
        channel: its index.
        numbers: figures by name, for tables and for sorting.
        cuts: parts of images, best first.
        flags: words that apply, such as "dead".
        details: further plain values, as JSON holds them.
    """

    channel: int
    numbers: Mapping[str, Number]
    cuts: Sequence[Cut] = ()
    flags: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What was found for one layer: its name, what is the same for all of its units (plain values), and these."""

    layer: str
    facts: Mapping[str, Any]
    units: Sequence[Unit]
    warnings: tuple[str, ...] = ()


class Survey(Protocol):
    """A technique over a whole folder: a frozen dataclass whose fields are its options, as any technique.

    Declared with `@technique(..., surveys=True)`. The images come in any order, split in any way, over threads,
    processes and machines, and the result has to be the same, to the last bit:

        merge is associative and commutative, and begin() is its neutral element;
        add(state, images) is merge(state, add(begin(), images)).

    A state's size does not grow with the number of images. What is given is never changed.
    """

    info: ClassVar[TechniqueInfo]

    def plan(self, model: Adapter, classes: Sequence[str]) -> Plan:
        """What will be looked at; `classes` are the true classes that the images have, sorted.

        Raises `UsageError`, `UnknownName` or `NotSupported` for options that cannot be for this model.
        """
        ...

    def begin(self, plan: Plan) -> State:
        """The state of no image."""
        ...

    def add(self, model: Adapter, plan: Plan, state: State, images: Sequence[Seen]) -> State:
        """`state` and these images, which share a call: `model` splits them into batches."""
        ...

    def merge(self, plan: Plan, left: State, right: State) -> State:
        """Both states together; no image is in both."""
        ...

    def findings(self, plan: Plan, state: State) -> Iterator[Found]:
        """What was found, layer by layer, in execution order."""
        ...

    def passes(self, size: tuple[int, int]) -> int:
        """Forward passes per image of a model with input `size`; for estimates."""
        ...
