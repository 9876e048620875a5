"""A TOML file that people write: values with their lines, and all that is wrong with them at once."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viz.batch.line_numbers import Place, line_numbers
from viz.core.errors import UsageError, VizError


@dataclass(frozen=True)
class Problem:
    """Something wrong in a file: what, in which line (None: in the file as a whole), and what to do."""

    line: int | None
    text: str
    next_step: str = ""


class InvalidFile(UsageError):
    """A file with problems, all of them, in the order of their lines."""

    def __init__(self, path: Path, problems: Sequence[Problem]):
        self.path = path
        self.problems = sorted(problems, key=lambda problem: problem.line or 0)
        lines = [f"{where(path, p)}: {p.text}" + (f" ({p.next_step})" if p.next_step else "") for p in self.problems]
        super().__init__("\n".join(lines), f"`viz config check {path}` checks the file again")


def where(path: Path, problem: Problem) -> str:
    """`plan.toml:12`, as editors and terminals understand it."""
    return str(path) if problem.line is None else f"{path}:{problem.line}"


class Document:
    """A TOML file's values; problems are collected with their lines until `raise_problems`."""

    def __init__(self, path: Path):
        """Read a file. Raises `UsageError` where that is not possible, `InvalidFile` for what is not TOML."""
        self.path = path
        self.problems: list[Problem] = []
        text = _text_of(path)
        try:
            self.values: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as problem:
            raise InvalidFile(path, [_syntax_problem(text, str(problem))]) from None
        self._lines = line_numbers(text)

    def line(self, *place: str | int) -> int | None:
        """The line of a table or key, or of what it stands in."""
        return next((self._lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in self._lines), None)

    def report(self, problem: VizError, *place: str | int) -> None:
        """Note that something is wrong at a place."""
        self.report_line(problem, self.line(*place))

    def report_line(self, problem: VizError, line: int | None) -> None:
        """Note that something is wrong in a line."""
        self.problems.append(Problem(line, problem.problem, problem.next_step))

    @contextmanager
    def at(self, *place: str | int) -> Iterator[None]:
        """Errors of usage raised inside become problems of this place, and the reading goes on."""
        try:
            yield
        except UsageError as problem:
            self.report(problem, *place)

    def raise_problems(self) -> None:
        """Raise `InvalidFile` where there are any."""
        if self.problems:
            raise InvalidFile(self.path, self.problems)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8 text"
        raise UsageError(f"{str(path)!r} cannot be read: {reason}", "`viz config init FILE` writes a plan") from None


def _syntax_problem(text: str, message: str) -> Problem:
    """tomllib's words and place: `Expected '=' after a key (at line 3, column 5)`."""
    match = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", message)
    if match is None:
        return Problem(None, message)
    line, column = (match[2], match[3]) if match[2] else (len(text.splitlines()), "")
    at = f", column {column}" if column else ", at the end of the file"
    return Problem(int(line), f"this is not TOML: {match[1]}{at}", "texts go into quotes, tables into [brackets]")


__all__ = ["Document", "InvalidFile", "Place", "Problem", "where"]
