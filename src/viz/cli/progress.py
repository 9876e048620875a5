"""How a run goes on, live on stderr: images done, passes per second, time left; of an optimization, its steps."""

import time
from types import TracebackType

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from viz.cli.console import errors
from viz.engine.listener import Listener
from viz.engine.records import Record

_PLAIN_EVERY = 10.0  # seconds between lines where stderr is no terminal


class RunProgress(Listener):
    """A rich bar on a terminal, and a second one for an optimization; a plain line now and then elsewhere.

    `what` is what the run is counted in.
    """

    def __init__(self, what: str = "images") -> None:
        self._what = what
        self._bar = Progress(
            TextColumn("{task.description}"),
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
        self._task = self._bar.add_task(what, total=None, rate="")
        self._steps = self._bar.add_task("steps", total=None, rate="", visible=False)
        self._passes = 0
        self._images = self._total = 0
        self._began = self._said = self._steps_began = time.monotonic()

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
        self._say(f"{rate:.0f} passes/s")

    def image(self, record: Record, fresh: bool) -> None:
        self._images += 1
        self._bar.advance(self._task)
        self._bar.update(self._steps, visible=False)

    def steps(self, total: int, what: str) -> None:
        self._steps_began = time.monotonic()
        self._bar.reset(self._steps, total=total, visible=True, description=what, rate="")

    def step(self, done: int, total: int, what: str, value: float) -> None:
        rate = f"{done / max(time.monotonic() - self._steps_began, 1e-9):.3g} steps/s"
        self._bar.update(self._steps, completed=done, description=f"{what} {value:.4g}", rate=rate)
        self._say(f"step {done:,} of {total:,}, {rate}, {what} {value:.4g}")

    def told(self, text: str) -> None:
        errors.print(f"[dim]plan[/] {escape(text)}", highlight=False, soft_wrap=True)

    def _say(self, rest: str) -> None:
        now = time.monotonic()
        if not errors.is_terminal and now - self._said >= _PLAIN_EVERY:
            self._said = now
            errors.print(f"{self._images}/{self._total} {self._what}, {rest}", highlight=False)
