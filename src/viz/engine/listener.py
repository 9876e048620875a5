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
