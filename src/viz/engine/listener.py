"""Hearing how a run goes on."""

from dataclasses import dataclass

from viz.engine.records import Record


class Listener:
    """Told how a run goes on. This one listens to nothing; a progress bar overrides what it shows."""

    def started(self, files: int) -> None:
        """The images have been listed."""

    def forwards(self, count: int) -> None:
        """The model has run on `count` more images or variants of images."""

    def image(self, record: Record, fresh: bool) -> None:
        """One image is settled: done, failed, or (not fresh) found done from before."""

    def steps(self, total: int, what: str) -> None:
        """An optimization of `total` steps begins; `what` is the number that `step` gives, such as "objective"."""

    def step(self, done: int, total: int, what: str, value: float) -> None:
        """So many of its steps are done, and the number to follow is now `value`."""

    def told(self, text: str) -> None:
        """The maker has something to say before it begins."""


@dataclass
class Relay(Listener):
    """Tells another listener all that it is told, and counts on the way.

    Attributes:
        passes: images or variants of images that the model has run on.
        settled: images that are settled, of them `reused` from before.
    """

    inner: Listener
    passes: int = 0
    settled: int = 0
    reused: int = 0

    def started(self, files: int) -> None:
        """See `Listener.started`."""
        self.inner.started(files)

    def forwards(self, count: int) -> None:
        """See `Listener.forwards`."""
        self.passes += count
        self.inner.forwards(count)

    def image(self, record: Record, fresh: bool) -> None:
        """See `Listener.image`."""
        self.settled += 1
        self.reused += not fresh
        self.inner.image(record, fresh)

    def steps(self, total: int, what: str) -> None:
        """See `Listener.steps`."""
        self.inner.steps(total, what)

    def step(self, done: int, total: int, what: str, value: float) -> None:
        """See `Listener.step`."""
        self.inner.step(done, total, what, value)

    def told(self, text: str) -> None:
        """See `Listener.told`."""
        self.inner.told(text)
