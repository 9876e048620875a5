"""The table of figures: how many cases of each suite passed, were wrong without a word, or were refused."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.conformance.cases import SUITES
from tests.conformance.float_vision import float_vision_cases
from tests.conformance.outcomes import Outcome

HEADER = ("suite", "cases", "passed", "wrong without a word", "unsupported or error")


@dataclass(frozen=True)
class Answered:
    """The outcome of one question, "forward" or "gradient", about `suite/case`."""

    question: str
    case: str
    outcome: Outcome


def table(answered: Sequence[Answered]) -> str:
    """One line per suite or slice that has outcomes."""
    rows = [HEADER, *(_row(name, outcomes) for name, outcomes in _slices(answered) if outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    )


def _slices(answered: Sequence[Answered]) -> Iterator[tuple[str, list[Outcome]]]:
    forward = [a for a in answered if a.question == "forward"]
    vision = {f"node/{name}" for name in float_vision_cases()}
    for suite in SUITES:
        yield suite, [a.outcome for a in forward if a.case.startswith(f"{suite}/")]
        if suite == "node":
            yield "  float vision", [a.outcome for a in forward if a.case in vision]
    yield "gradients", [a.outcome for a in answered if a.question == "gradient"]


def _row(name: str, outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    outcomes = list(outcomes)
    passed = sum(outcome.passed for outcome in outcomes)
    wrong = sum(outcome.wrong_without_a_word for outcome in outcomes)
    return (name, *map(str, (len(outcomes), passed, wrong, len(outcomes) - passed - wrong)))
