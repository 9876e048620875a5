"""The smoke test of techniques over a whole folder finds what it is there to find: each test breaks one thing."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import viz.smoke
from tests.fakes import LinearModel
from tests.surveys import brightness_survey
from viz.core.errors import NotSupported
from viz.smoke import smoke

WEIGHTS = np.ones((2, 3, 32, 32), np.float32)


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The outcomes of a technique's checks by their names, with some of its methods replaced."""

    def of(**broken: Any) -> dict[str, str]:
        technique = brightness_survey()
        for name, method in broken.items():
            monkeypatch.setattr(technique, name, method)
        monkeypatch.setattr(viz.smoke, "techniques", lambda: {"brightness": technique})
        return {one.name: one.outcome for one in smoke(LinearModel(WEIGHTS)) if one.subject == "brightness"}

    return of


PASSED = dict.fromkeys(("runs", "finite", "counts the images", "merges in any order", "same again"), "passed")


def test_a_survey_that_works_passes_every_check(outcomes: Any) -> None:
    assert outcomes() == PASSED


def test_a_merge_that_weighs_its_sides_differently_fails(outcomes: Any) -> None:
    merge = brightness_survey().merge

    def lopsided(self: Any, plan: Any, left: Any, right: Any) -> Any:
        return {**merge(self, plan, left, right), "sums": 2 * left["sums"] + right["sums"]}

    assert outcomes(merge=lopsided)["merges in any order"] == "failed"


def test_a_survey_that_learns_nothing_of_the_images_fails(outcomes: Any) -> None:
    found = outcomes(add=lambda self, model, plan, state, images: state)
    assert found == PASSED | {"counts the images": "failed"}


def test_a_state_that_changes_when_nothing_is_merged_with_it_fails(outcomes: Any) -> None:
    merge = brightness_survey().merge

    def counting(self: Any, plan: Any, left: Any, right: Any) -> Any:
        merged = merge(self, plan, left, right)
        return {**merged, "sums": merged["sums"] + 1}

    assert outcomes(merge=counting) == PASSED | {"merges in any order": "failed"}


def test_a_figure_that_is_not_finite_fails(outcomes: Any) -> None:
    findings = brightness_survey().findings

    def broken(self: Any, plan: Any, state: Any) -> Any:
        for found in findings(self, plan, state):
            yield replace(found, units=[replace(unit, numbers={"sum": float("nan")}) for unit in found.units])

    assert outcomes(findings=broken) == PASSED | {"finite": "failed"}


def test_a_survey_that_finds_no_unit_fails(outcomes: Any) -> None:
    assert outcomes(findings=lambda self, plan, state: iter(()))["finite"] == "failed"


def test_a_survey_by_chance_fails(outcomes: Any) -> None:
    add, calls = brightness_survey().add, []

    def wild(self: Any, model: Any, plan: Any, state: Any, images: Any) -> Any:
        calls.append(1)
        found = add(self, model, plan, state, images)
        return {**found, "sums": found["sums"] + len(calls)}

    assert outcomes(add=wild)["same again"] == "failed"


def test_one_that_does_not_apply_is_skipped_and_one_that_raises_fails(outcomes: Any) -> None:
    def refuses(self: Any, model: Any, classes: Any) -> Any:
        raise NotSupported("no layer", "name one")

    def breaks(self: Any, model: Any, classes: Any) -> Any:
        raise ZeroDivisionError

    assert outcomes(plan=refuses) == {"runs": "skipped"}
    assert outcomes(plan=breaks) == {"runs": "failed"}
