"""Hearing how a run goes on."""

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
