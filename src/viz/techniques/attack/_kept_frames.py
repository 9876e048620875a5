"""Pictures of a way whose length is not known beforehand, at equal steps."""

from dataclasses import dataclass, field

from viz.core.images import Pixels


@dataclass
class KeptFrames:
    """Keeps at most `2 * wanted` pictures: when there are more, every second goes, and half as many are taken."""

    wanted: int
    _every: int = 1
    _kept: list[Pixels] = field(default_factory=list)

    def due(self, step: int) -> bool:
        """Whether the picture of this step, counted from 0 without gaps, is to be added."""
        return self.wanted > 0 and step % self._every == 0

    def add(self, picture: Pixels) -> None:
        """The picture of a step that is due."""
        self._kept.append(picture)
        if len(self._kept) > 2 * self.wanted:
            self._kept = self._kept[::2]
            self._every *= 2

    def chosen(self, last: Pixels) -> tuple[Pixels, ...]:
        """`wanted` pictures at equal steps, or fewer where there were fewer steps; the last one is `last`."""
        if not self.wanted:
            return ()
        before = self._kept
        if len(before) >= self.wanted:
            before = [before[i * len(before) // (self.wanted - 1)] for i in range(self.wanted - 1)]
        return (*before, last)
