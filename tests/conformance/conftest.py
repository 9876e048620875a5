"""How the conformance suite is run: jobs go to child processes ahead of their tests, figures end up in a table."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import questions
from tests.conformance.cases import SUITES, case_names
from tests.conformance.child_pool import ChildPool, Died, Failed, TimedOut
from tests.conformance.figures import Answered, table
from tests.conformance.finite_differences import stored_derivatives
from tests.conformance.outcomes import Outcome
from tests.conformance.registry import has_gradients, missing_packages

WORKERS = 2
TIMEOUT = 60.0  # seconds for one case; the slowest takes two
PROPERTY = "conformance"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per case; none in runs that leave them out, as generating them takes seconds."""
    left_out = "not conformance" in metafunc.config.getoption("-m")
    if "forward_case" in metafunc.fixturenames:
        jobs = [] if left_out else [f"{suite}/{name}" for suite in SUITES for name in case_names(suite)]
        metafunc.parametrize("forward_case", jobs)
    if "gradient_case" in metafunc.fixturenames:
        metafunc.parametrize("gradient_case", [] if left_out else [f"node/{name}" for name in stored_derivatives()])


@pytest.fixture(scope="session")
def converter(pytestconfig: pytest.Config) -> str:
    """Whom the suite asks."""
    name: str = pytestconfig.getoption("--converter")
    missing = missing_packages(name)
    if missing:
        pytest.skip(f"{name} cannot run: {' and '.join(missing)} not installed")
    return name


@pytest.fixture(scope="session")
def pool(converter: str):
    """The child processes that run the cases."""
    children = ChildPool(WORKERS, TIMEOUT, questions.prepare, converter)
    try:
        children.submit(abs, 0).result()
    except Failed as problem:
        if converter == "ours":
            raise
        pytest.skip(f"{converter} cannot run: {str(problem).splitlines()[-1]}")
    yield children
    children.close()


@pytest.fixture(scope="session")
def answers(converter: str, pool: ChildPool, request: pytest.FixtureRequest):
    """Outcomes of all selected cases, being computed while the tests look at them in turn."""
    asked = _Answers(converter, pool)
    if "PYTEST_XDIST_WORKER" not in os.environ:  # there each worker runs only some of the tests that it collected
        for item in request.session.items:
            for question in ("forward", "gradient"):
                case = getattr(item, "callspec", None) and item.callspec.params.get(f"{question}_case")
                if case:
                    asked.submit(question, case)
    return asked


class _Answers:
    def __init__(self, converter: str, pool: ChildPool):
        self.converter = converter
        self._pool = pool
        self._derivatives = stored_derivatives()
        self._futures: dict[tuple[str, str], Any] = {}

    def submit(self, question: str, case: str) -> None:
        suite, name = case.split("/", 1)
        if question == "forward":
            future = self._pool.submit(questions.forward, self.converter, suite, name)
        else:
            future = self._pool.submit(questions.gradient, self.converter, name, self._derivatives[name])
        self._futures[question, case] = future

    def of(self, question: str, case: str) -> Outcome:
        if (question, case) not in self._futures:
            self.submit(question, case)
        try:
            return self._futures[question, case].result()
        except TimedOut as problem:
            return Outcome("timeout", str(problem))
        except Died as problem:
            return Outcome("crash", str(problem))


@pytest.fixture
def answered(answers: _Answers, record_property):
    """The outcome of one case, noted for the table."""

    def ask(question: str, case: str) -> Outcome:
        if question == "gradient" and not has_gradients(answers.converter):
            pytest.skip(f"{answers.converter} gives no gradients")
        outcome = answers.of(question, case)
        record_property(PROPERTY, (question, case, outcome.status, outcome.message))
        return outcome

    return ask


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """The figures, and the file with every outcome where one is asked for."""
    reports = [report for kind in terminalreporter.stats.values() for report in kind]
    calls = [report for report in reports if getattr(report, "when", "") == "call"]
    noted = [value for report in calls for name, value in report.user_properties if name == PROPERTY]
    if not noted:
        return
    all_answered = [Answered(question, case, Outcome(status, message)) for question, case, status, message in noted]
    terminalreporter.section(f"conformance of {config.getoption('--converter')}")
    terminalreporter.write_line(table(all_answered))
    if config.getoption("--outcomes"):
        keys = ("question", "case", "status", "message")
        lines = [json.dumps(dict(zip(keys, value, strict=True))) for value in noted]
        Path(config.getoption("--outcomes")).write_text("\n".join(lines) + "\n", encoding="utf-8")
