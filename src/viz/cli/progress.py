"""How a run goes on, live on stderr: images done, passes per second, time left."""

import time
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from viz.cli.console import errors
from viz.engine.listener import Listener
from viz.engine.records import Record

_PLAIN_EVERY = 10.0  # seconds between lines where stderr is no terminal


class RunProgress(Listener):
    """A rich bar on a terminal; a plain line now and then elsewhere."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("images"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=errors,
            disable=not errors.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("images", total=None, rate="")
        self._passes = 0
        self._images = self._total = 0
        self._began = self._said = time.monotonic()

    def __enter__(self) -> "RunProgress":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def started(self, files: int) -> None:
        self._total = files
        self._bar.update(self._task, total=files)

    def forwards(self, count: int) -> None:
        self._passes += count
        rate = self._passes / max(time.monotonic() - self._began, 1e-9)
        self._bar.update(self._task, rate=f"{rate:.0f} passes/s")
        self._say(rate)

    def image(self, record: Record, fresh: bool) -> None:
        self._images += 1
        self._bar.advance(self._task)

    def _say(self, rate: float) -> None:
        now = time.monotonic()
        if not errors.is_terminal and now - self._said >= _PLAIN_EVERY:
            self._said = now
            errors.print(f"{self._images}/{self._total} images, {rate:.0f} passes/s", highlight=False)
