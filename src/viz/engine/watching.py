"""What a maker tells of its optimization, passed on to whoever listens to the run."""

from viz.core.making import Watch
from viz.engine.listener import Listener


class RunWatch(Watch):
    """Keeps `frames` pictures of the way, knows how far the optimization is, and tells a listener."""

    def __init__(self, listener: Listener, frames: int):
        self.frames = frames
        self._listener = listener
        self._done = self._steps = 0
        self._what = ""

    def begin(self, steps: int, what: str = "objective") -> None:
        """See `Watch.begin`."""
        self._done, self._steps, self._what = 0, steps, what
        self._listener.steps(steps, what)

    def step(self, done: int, value: float) -> None:
        """See `Watch.step`."""
        self._done = done
        self._listener.step(done, self._steps, self._what, value)

    def tell(self, text: str) -> None:
        """See `Watch.tell`."""
        self._listener.told(text)

    @property
    def stopped(self) -> str:
        """In words, where the optimization was when it was stopped; empty where it was not."""
        if not self.interrupted:
            return ""
        return f"stopped early: after {self._done:,} of {self._steps:,} steps; the same command makes it anew"
