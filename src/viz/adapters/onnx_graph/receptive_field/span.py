"""What a tensor sees of one image axis: a window of pixels that moves with the position, or a fixed one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor

Shape = tuple[int | None, ...]
Number = Fraction | int


@dataclass(frozen=True)
class Span:
    """Position i along `axis` of the tensor sees pixels `low + i * step` to `high + i * step`, both included.

    `axis` is None (and `step` 0) where every position sees the same pixels. Bounds are exact fractions;
    they may lie outside the image, where padding is seen. `extent` is the image's length in pixels.

    `fold` is (inner, length) where a reshape has merged several axes into this one, as (h, w) into h * w:
    index p along the axis is then position i = p // inner % length.
    """

    extent: int
    axis: int | None
    low: Fraction
    high: Fraction
    step: Fraction
    fold: tuple[int, int] | None = None

    @classmethod
    def of_image(cls, extent: int, axis: int) -> "Span":
        """The image itself: position i is pixel i."""
        return cls(extent, axis, Fraction(0), Fraction(0), Fraction(1))

    @property
    def is_whole(self) -> bool:
        """Whether every position sees every pixel."""
        return self.axis is None and self.low <= 0 and self.high >= self.extent - 1

    def whole(self) -> "Span":
        """Every position sees every pixel."""
        return Span(self.extent, None, Fraction(0), Fraction(self.extent - 1), Fraction(0))

    def on(self, axis: int) -> "Span":
        """The same window on another tensor axis; a fixed one stays fixed."""
        return self if self.axis is None else replace(self, axis=axis)

    def reading(self, step: Number, first: Number, last: Number) -> "Span":
        """Where position i of the result reads positions `i * step + first` to `i * step + last` of this."""
        if self.axis is None or (step, first, last) == (1, 0, 0):
            return self
        if self.fold is not None:
            return self.fixed(None)  # neighbours along a merged axis are no neighbours in the image
        ends = (self.step * first, self.step * last)
        return replace(self, low=self.low + min(ends), high=self.high + max(ends), step=self.step * step)

    def reading_ranges(self, ranges: Sequence[tuple[int, int]], step: Number) -> "Span":
        """Where position i reads positions `ranges[i]`, both ends included: the tightest window of that step."""
        first = min(low - i * step for i, (low, _) in enumerate(ranges))
        last = max(high - i * step for i, (_, high) in enumerate(ranges))
        return self.reading(step, first, last)

    def fixed(self, shape: Shape | None) -> "Span":
        """All that any position of a tensor of this shape sees, as one window inside the image."""
        if self.axis is None:
            return self
        count = self.positions(shape)
        return self.whole() if count is None else self._along(Fraction(0), count)._within_the_image()

    def positions(self, shape: Shape | None) -> int | None:
        """How many positions the window takes in a tensor of this shape, or None where that is not known."""
        if self.fold is not None:
            return self.fold[1]
        return shape[self.axis] if shape is not None and self.axis is not None else None

    def _along(self, step: Fraction, count: int) -> "Span":
        """The window of another step that holds this one at positions 0 to count - 1."""
        drift = (self.step - step) * max(count - 1, 0)
        axis, fold = (self.axis, self.fold) if step else (None, None)
        low, high = min(self.low, self.low + drift), max(self.high, self.high + drift)
        return Span(self.extent, axis, low, high, step, fold)

    def _within_the_image(self) -> "Span":
        """Cut at the image's borders; a window outside of it, which sees only padding, becomes the border pixel."""
        last = self.extent - 1
        low = Fraction(min(max(ceil(self.low), 0), last))
        return replace(self, low=low, high=max(low, Fraction(min(floor(self.high), last))))


def union(spans: Iterable[Span], shape: Shape | None) -> Span:
    """One span of a tensor of this shape that holds all of `spans`; exact where their steps agree."""
    spans = list(spans)
    if len({(span.axis, span.fold) for span in spans} - {(None, None)}) > 1:
        spans = [span.fixed(shape) for span in spans]
    steps = {span.step for span in spans}
    moving = next((span for span in spans if span.axis is not None), spans[0])
    # Where steps agree, windows never drift apart and the number of positions does not matter.
    count = 1 if len(steps) == 1 else moving.positions(shape)
    if count is None or any(span.is_whole for span in spans):
        return moving.whole()
    hulls = (_hull(spans, step, count, moving) for step in steps)
    return min(hulls, key=lambda hull: (hull.high - hull.low, abs(hull.step)))


def _hull(spans: list[Span], step: Fraction, count: int, moving: Span) -> Span:
    aligned = [span._along(step, count) for span in spans]
    low, high = min(span.low for span in aligned), max(span.high for span in aligned)
    return replace(moving._along(step, 1), low=low, high=high)
