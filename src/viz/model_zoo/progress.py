"""What the user sees of a download on stderr: a bar on a terminal, a few plain lines anywhere else."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console


class Watcher(Protocol):
    """Whoever wants to know how a download goes."""

    def at(self, done: int) -> None:
        """So many bytes of the file are here."""

    def say(self, text: str) -> None:
        """One line that the user should know."""


class Silent:
    """A watcher that shows nothing."""

    def at(self, done: int) -> None:
        """Show nothing."""

    def say(self, text: str) -> None:
        """Show nothing."""


class PlainLines:
    """A line at every fifth of the file, for logs."""

    def __init__(self, console: "Console", name: str, size: int) -> None:
        self._console, self._name, self._size = console, name, size
        self._fifths = 0

    def at(self, done: int) -> None:
        """Write a line where another fifth is complete."""
        if done * 5 // self._size > self._fifths:
            self._fifths = done * 5 // self._size
            self.say(f"{megabytes(done)} of {megabytes(self._size)}")

    def say(self, text: str) -> None:
        """Write a line that begins with the model's name."""
        self._console.print(f"{self._name}: {text}", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def watching(name: str, size: int, quiet: bool = False) -> Iterator[Watcher]:
    """Show the download of `size` bytes of model `name` until the block ends."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet:
        yield Silent()
    elif console.is_terminal:
        with _bar(console, name, size) as watcher:
            yield watcher
    else:
        yield PlainLines(console, name, size)


@contextmanager
def _bar(console: "Console", name: str, size: int) -> Iterator[Watcher]:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(name, total=size)

        class Bar(PlainLines):
            def at(self, done: int) -> None:
                progress.update(task, completed=done)

        yield Bar(console, name, size)


def megabytes(size: int) -> str:
    """A file's size for people: `4.95 MB`, `27 kB`."""
    return f"{size / 1e6:.3g} MB" if size >= 1e5 else f"{size / 1e3:.3g} kB"
