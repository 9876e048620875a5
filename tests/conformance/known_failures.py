"""The cases that our executor is known to fail, one by one, with the reason of each."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tests.conformance.outcomes import Outcome

KNOWN = Path(__file__).with_name("known_failures.toml")


@cache
def known_failures(question: str) -> Mapping[str, str]:
    """Reasons by `suite/case`, for the question "forward" or "gradient"."""
    return tomllib.loads(KNOWN.read_text(encoding="utf-8"))[question]


def check(question: str, case: str, outcome: Outcome) -> None:
    """Asserts that a case passes, or that it is listed and still fails."""
    reason = known_failures(question).get(case)
    if reason is None:
        assert outcome.passed, f"{case}: {outcome.status}: {outcome.message}"
    else:
        assert not outcome.passed, f"{case} passes: take it off {KNOWN.name} ({reason})"
