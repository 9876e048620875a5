"""One thing that `viz smoke` looks at, and what it found."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from viz.core.errors import VizError

Outcome = Literal["passed", "failed", "skipped"]


class Failed(Exception):
    """What a check found instead of what must be; caught where the check is run."""


@dataclass(frozen=True)
class Check:
    """`subject` is a technique's name, or "model"; `detail` says why a check failed or was skipped."""

    subject: str
    name: str
    outcome: Outcome
    seconds: float
    detail: str = ""


def check(subject: str, name: str, test: Callable[[], None]) -> Check:
    """Run one test. Whatever it raises is a failure, with its reason: a smoke test goes on."""
    started = time.perf_counter()
    try:
        test()
    except Exception as problem:
        return Check(subject, name, "failed", time.perf_counter() - started, reason(problem))
    return Check(subject, name, "passed", time.perf_counter() - started)


def reason(problem: Exception) -> str:
    """An error in one line; one that nobody meant to raise with its type."""
    if isinstance(problem, Failed):
        return str(problem)
    if isinstance(problem, VizError):
        return f"{problem.problem}; {problem.next_step}" if problem.next_step else problem.problem
    return f"{type(problem).__name__}: {problem}"
