"""What can go wrong, said in three parts: the problem, the value at fault, and what to type next."""

from collections.abc import Iterable
from difflib import get_close_matches
from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ends; documented in docs/reference/exit-codes.md."""

    DONE = 0
    THRESHOLD = 1
    USAGE = 2
    MODEL = 3
    SOME_IMAGES_FAILED = 4
    NO_IMAGES = 5
    INTERNAL = 70


class VizError(Exception):
    """A problem that the user can solve; `next_step` says how."""

    exit_code = ExitCode.USAGE

    def __init__(self, problem: str, next_step: str = ""):
        super().__init__(problem)
        self.problem = problem
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.problem}\n{self.next_step}" if self.next_step else self.problem


class UsageError(VizError):
    """A value on the command line, in a plan or in a call that cannot be used."""


class ModelError(VizError):
    """The model could not be loaded or run."""

    exit_code = ExitCode.MODEL


class NotSupported(ModelError):
    """The method does not apply to this model; the next step names what does."""


class OutOfMemory(ModelError):
    """The device had no room for this batch; a smaller one may fit."""


class ImageError(VizError):
    """One image could not be used; recorded with its reason while the others go on."""

    exit_code = ExitCode.SOME_IMAGES_FAILED


class NoImages(VizError):
    """No image was found where the user pointed."""

    exit_code = ExitCode.NO_IMAGES


class ThresholdViolated(VizError):
    """Everything ran, and a figure is outside what was asked for."""

    exit_code = ExitCode.THRESHOLD


class UnknownName(UsageError):
    """A name that is not among those that exist; the nearest ones are offered."""

    def __init__(self, kind: str, name: str, choices: Iterable[str], listing: str = ""):
        self.name, self.choices = name, tuple(choices)
        super().__init__(f"no {kind} is called {name!r}{_did_you_mean(name, self.choices)}", listing)


def _did_you_mean(name: str, choices: tuple[str, ...]) -> str:
    near = nearest(name, choices)
    if near:
        return "; did you mean " + " or ".join(repr(n) for n in near) + "?"
    if 0 < len(choices) <= 12:
        return "; there are: " + ", ".join(choices)
    return ""


def nearest(name: str, choices: Iterable[str], count: int = 3) -> list[str]:
    """The choices that look most like `name`, best first, ignoring case."""
    by_lower = {c.lower(): c for c in choices}
    matches = get_close_matches(name.lower(), by_lower, n=count, cutoff=0.5)
    return [by_lower[m] for m in matches]
