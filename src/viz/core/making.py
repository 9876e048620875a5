"""Techniques that make images: from nothing, or from photos. One optimization makes one image or a batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.images import Photo, Pixels, to_bytes
from viz.core.result import FloatArray, Result
from viz.core.target import Target
from viz.core.technique import TechniqueInfo


@dataclass(frozen=True)
class GivenPhoto:
    """A photo that the user gave: its name, its pixels, and its true class where known (a name or an index as text)."""

    name: str
    photo: Photo
    truth: str | None = None


class Photos(Protocol):
    """The photos that the user gave, in order, decoded when they are asked for."""

    @property
    def names(self) -> Sequence[str]:
        """Their names, unique."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> GivenPhoto:
        """One photo; raises `ImageError` where it cannot be used."""
        ...


@dataclass(frozen=True)
class Piece:
    """One image that is to be made.

    Attributes:
        name: unique within the run, and what people call it: a photo's name, `conv3:5`, `dog.jpg fc8`.
        asked: what the technique itself wants to know about it.
        photo: the index of the photo that it begins with, or is compared with; None where there is none.
        row, column: where it stands in the run's sheet; empty for one after the other.
    """

    name: str
    asked: Any = None
    photo: int | None = None
    row: str = ""
    column: str = ""


@dataclass(frozen=True)
class Plot:
    """Lines that are drawn for a reader: `values` (n,) or (n, k), what they are, and what each line is called.

    `marks` (n) name the places that the values belong to, where they are no steps: a profile over layers.
    """

    values: FloatArray
    label: str
    names: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture(Result):
    """An image that was made: `arrays['image']` is (3, h, w) float32 in [0, 1], before it is rounded to 8 bits.

    Attributes:
        target: what its file, read back and run through the model, is measured by; None where nothing is.
        exact: its bytes (h, w, 3), where they were chosen with care; by default the image is rounded.
        frames: what it looked like on the way, at equal steps, (h, w, 3) uint8 each.
        panels: further pictures of it by the name that goes into their file's name, such as a triptych.
        plots: further lines that are drawn, by name likewise.

    `arrays` may hold `curve` (steps,): the objective at every step. It is drawn as a further picture.
    """

    target: Target | None = None
    exact: Pixels | None = None
    frames: tuple[Pixels, ...] = ()
    panels: Mapping[str, Pixels] = field(default_factory=dict)
    plots: Mapping[str, Plot] = field(default_factory=dict)

    @property
    def pixels(self) -> Pixels:
        """What is saved, (h, w, 3) uint8."""
        return to_bytes(self.image) if self.exact is None else self.exact

    @property
    def image(self) -> FloatArray:
        """The image itself, (3, h, w)."""
        image: FloatArray = self.arrays["image"]
        return image


class Watch:
    """Hears how the making of one group of images goes on. This one says nothing; a progress bar overrides `step`.

    Attributes:
        frames: how many pictures of the way to keep for each image.
        interrupted: set where Ctrl-C stopped an optimization: what it gives is its best so far.
    """

    frames: int = 0
    interrupted: bool = False

    def begin(self, steps: int, what: str = "objective") -> None:
        """An optimization of so many steps begins; `what` is the number that `step` gives."""

    def step(self, done: int, value: float) -> None:
        """So many steps are done, and the number to follow is now `value`."""

    def tell(self, text: str) -> None:
        """Something to know before the work begins, such as the memory that it will take."""


class Maker(Protocol):
    """A technique that makes images: a frozen dataclass whose fields are its options, as any technique.

    Declared with `@technique(..., makes=...)`. `pieces` says what there is to make, in groups that are made
    together; a run that is continued makes the groups that are not finished.
    """

    info: ClassVar[TechniqueInfo]

    def pieces(self, model: Adapter, photos: Photos) -> Sequence[Sequence[Piece]]:
        """What will be made, in groups. Raises `UsageError` for options that cannot be for this model and photos."""
        ...

    def __call__(
        self, model: Adapter, pieces: Sequence[Piece], given: Sequence[GivenPhoto | None], photos: Photos, watch: Watch
    ) -> Sequence[Picture | ImageError]:
        """One picture for each piece of a group, in order; `given` are the pieces' own photos.

        On Ctrl-C, an optimization gives its best so far and sets `watch.interrupted`.
        """
        ...

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes for each picture of a model with input `size`; for estimates."""
        ...


class Overview(Protocol):
    """A maker may also have something to show of a whole run, besides the sheet of all its pictures."""

    def overview(self, records: Sequence[Mapping[str, Any]]) -> Mapping[str, Pixels | Plot]:
        """Pictures and plots by file name without suffix, from the run's records (lines of results.jsonl)."""
        ...


def rounded(image: FloatArray) -> FloatArray:
    """An image as its 8-bit file has it, (…) float32 in [0, 1]."""
    levels: NDArray[np.float32] = np.rint(np.clip(image, 0, 1) * np.float32(255)).astype(np.float32)
    return levels / np.float32(255)
