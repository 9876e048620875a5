"""The committed lists: which cases are float vision's, which fail, and derivatives that can be computed again."""

import random

import pytest

from tests.conformance.cases import SUITES, case_names
from tests.conformance.finite_differences import derivatives, stored_derivatives
from tests.conformance.float_vision import chosen_by_rule, float_vision_cases
from tests.conformance.known_failures import check, known_failures
from tests.conformance.outcomes import Outcome

RANDOM_CASES = 25


def test_few_cases_fail_and_none_of_float_vision():
    failing = list(known_failures("forward"))
    assert {
        case for case in failing if not case.startswith(("node/test_bernoulli", "simple/test_gradient_of_"))
    } == set()
    assert len(failing) <= 8
    assert not {f"node/{name}" for name in float_vision_cases()} & set(failing)
    assert len(known_failures("gradient")) <= 1


def test_every_known_failure_has_a_reason():
    for question in ("forward", "gradient"):
        assert all(len(reason.split()) > 3 for reason in known_failures(question).values())


def test_a_failure_that_is_not_listed_fails_and_a_listed_case_that_passes_fails_too():
    listed = next(iter(known_failures("forward")))
    check("forward", "node/test_abs", Outcome("close"))
    check("forward", listed, Outcome("wrong"))
    with pytest.raises(AssertionError, match="node/test_abs: wrong: 3 is not 4"):
        check("forward", "node/test_abs", Outcome("wrong", "3 is not 4"))
    with pytest.raises(AssertionError, match=r"take it off known_failures\.toml"):
        check("forward", listed, Outcome("pass"))


@pytest.mark.conformance
def test_known_failures_are_cases_of_the_installed_suite():
    cases = {f"{suite}/{name}" for suite in SUITES for name in case_names(suite)}
    assert set(known_failures("forward")) <= cases
    assert {case.removeprefix("node/") for case in known_failures("gradient")} <= set(stored_derivatives())


@pytest.mark.conformance
def test_the_float_vision_list_is_what_its_rule_chooses():
    assert list(float_vision_cases()) == chosen_by_rule()


@pytest.mark.conformance
def test_stored_derivatives_can_be_computed_again():
    stored = stored_derivatives()
    for name in random.Random().sample(sorted(stored), RANDOM_CASES):
        assert derivatives(name).known == pytest.approx(stored[name], rel=1e-6, abs=1e-6), name
