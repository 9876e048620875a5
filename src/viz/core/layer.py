"""One tensor of a model: its names, shape, window on the image and cost."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class ReceptiveField:
    """The window of input pixels that one position of a layer can see, per axis (y, x).

    Position i sees pixels `offset + i * stride` to `offset + i * stride + size - 1` (offset may be
    negative where padding is seen). `everywhere` means the whole image: attention, global pooling.
    """

    size: tuple[int, int]
    stride: tuple[float, float]
    offset: tuple[float, float]
    everywhere: bool = False


@dataclass(frozen=True)
class Layer:
    """One tensor that the model can show: what made it, its shape (None = free) and its cost.

    The first axis is that of the images where it is free; a tensor with a fixed one has no row per image.

    `zero` is the value that stands for zero: the zero point of a quantized tensor, whose values are the stored
    whole numbers.
    """

    name: str
    op: str
    shape: tuple[int | None, ...] | None
    aliases: tuple[str, ...] = ()
    receptive_field: ReceptiveField | None = None
    parameters: int = 0
    macs: int | None = None
    zero: float = 0.0


class LazyLayers(Mapping[str, Layer]):
    """A layer table that is made when it is first looked into: listing layers can take a run of its own."""

    def __init__(self, make: Callable[[], Mapping[str, Layer]]):
        self._make = make

    @cached_property
    def _table(self) -> Mapping[str, Layer]:
        return self._make()

    def __getitem__(self, name: str) -> Layer:
        return self._table[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)
