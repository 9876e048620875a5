"""Approximated occlusion: the error that is reported is the error that there is."""

import numpy as np
import pytest

from tests.patch_models import WindowedModel
from viz.core.batching import BatchedAdapter
from viz.core.errors import NotSupported, UsageError
from viz.core.target import class_target, targets_for
from viz.techniques.attribution.occlusion import Occlusion


class Capped(WindowedModel):
    """Windows are exact; capped ones are `off`, as far as the cap falls short of 1."""

    def __init__(self, **options):
        super().__init__(**options)
        self.caps = []

    def patch_runner(self, side, layers, cap=None):
        self.caps.append(cap)
        self.off = 0.0 if cap is None else 4.0 * (1 - cap)
        return super().patch_runner(side, layers, cap)


def explain(model, count=2, **options):
    images = np.random.default_rng(1).random((count, 3, *model.size), np.float32)
    return Occlusion(**{"patch": 4, "stride": 2, **options})(model, images, targets_for("0", model, images))


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("cap", [0.25, 0.75])
def test_the_error_is_how_far_scores_are_from_those_of_whole_passes(cap, wrapped):
    model = BatchedAdapter(Capped()) if wrapped else Capped()
    for exact, found in zip(explain(Capped(), whole_passes=True), explain(model, approximate=cap), strict=True):
        off = exact.arrays["drops"] - found.arrays["drops"]
        np.testing.assert_allclose(off, 4 * (1 - cap), atol=1e-4)
        assert found.numbers["approximation_error_max"] == pytest.approx(4 * (1 - cap), abs=1e-4)
        assert found.numbers["approximation_error_mean"] == pytest.approx(4 * (1 - cap), abs=1e-4)


def test_without_an_error_none_is_reported_and_nothing_warned_of():
    for found in explain(Capped(), approximate=1.0):
        assert found.numbers["approximation_error_max"] < 1e-5
        assert not found.warnings


def test_an_error_that_is_large_beside_the_map_is_warned_of():
    for found in explain(Capped(), approximate=0.01):
        assert found.numbers["approximation_error_max"] > 0.1 * found.arrays["drops"].max()
        assert "more than a tenth of the largest drop" in found.warnings[-1]


def test_the_largest_and_the_mean_error_are_those_of_sixteen_positions():
    model = Capped()
    model.batches.clear()
    explain(BatchedAdapter(model), count=1, approximate=0.5)
    assert sum(model.batches) == 1 + 1 + 16, "the scores as they are, the clean pass, and what is held against"
    assert Occlusion(patch=4, stride=2, approximate=0.5).passes((12, 16)) == 1 + 35 + 16


def test_few_positions_are_all_checked():
    for found in explain(Capped(), patch=8, stride=8, approximate=0.5):
        assert found.numbers["approximation_error_mean"] == pytest.approx(2, abs=1e-4)


def test_it_goes_together_with_adaptive():
    model = Capped(size=(40, 40))
    for found in explain(model, approximate=0.75, adaptive=True):
        assert found.numbers["approximation_error_max"] == pytest.approx(1, abs=1e-4)
        assert found.numbers["positions_computed"] < found.numbers["positions"] / 3


def test_a_model_without_windows_says_why_there_is_nothing_to_approximate():
    with pytest.raises(NotSupported, match=r"--approximate 0.5 has nothing to cut.*attention mixes all") as told:
        explain(WindowedModel(reason="attention mixes all positions"), approximate=0.5)
    assert "leave --approximate out" in told.value.next_step


def test_whole_passes_ask_for_no_windows():
    model = Capped()
    found = explain(BatchedAdapter(model), whole_passes=True)
    assert not model.caps
    assert Occlusion(whole_passes=True).patch_plan(model, [class_target(model, 0)]).reason
    for one, other in zip(found, explain(BatchedAdapter(Capped())), strict=True):
        np.testing.assert_allclose(one.heat, other.heat, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"approximate": 0.0}, "--approximate is 0"),
        ({"approximate": -0.5}, "--approximate is -0.5"),
        ({"approximate": 1.01}, "--approximate is 1.01"),
        ({"approximate": 0.5, "whole_passes": True}, "--approximate 0.5 .*--whole-passes"),
    ],
)
def test_shares_that_are_none_are_named(options, message):
    with pytest.raises(UsageError, match=message):
        Occlusion(**options)
