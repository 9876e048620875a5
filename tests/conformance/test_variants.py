"""The float vision cases as real files have them: weights as constants, older opsets, two images side by side."""

import pytest

from tests.conformance import questions
from tests.conformance.float_vision import float_vision_cases
from tests.conformance.side_by_side import agrees_side_by_side

pytestmark = pytest.mark.conformance

# How many of these a result has depends on its values; torch's vmap cannot hold rows of different lengths.
OF_UNKNOWN_LENGTH = ("test_nonmaxsuppression_", "test_unique_")
ONNXRUNTIME_CONTRADICTS_THE_SUITE = {
    "test_maxunpool_export_with_output_shape",
    "test_resize_downsample_scales_cubic_align_corners",
    "test_resize_downsample_scales_linear_align_corners",
}


@pytest.fixture
def outcomes(pool, converter):
    """Outcomes of one question about all cases to which it applies, by name."""
    if converter != "ours":
        pytest.skip("asked of our executor only")

    def ask(question, arguments):
        futures = {name: pool.submit(question, *arguments(name)) for name in float_vision_cases()}
        found = {name: future.result() for name, future in futures.items()}
        return {name: outcome for name, outcome in found.items() if outcome is not None}

    return ask


def failures(found):
    return {name: f"{o.status}: {o.message}" for name, o in found.items() if not o.passed}


def test_weights_may_be_constants(outcomes):
    found = outcomes(questions.with_weights, lambda name: ("ours", name))
    assert len(found) > 600
    assert failures(found) == {}


@pytest.mark.parametrize("opset, at_least", [(7, 200), (9, 250), (11, 350), (12, 400), (13, 250), (17, 250), (20, 250)])
def test_old_versions_of_operators_mean_what_onnxruntime_takes_them_for(outcomes, opset, at_least):
    found = outcomes(questions.older, lambda name: ("ours", name, opset))
    assert len(found) > at_least
    differing = failures(found)
    assert set(differing) <= ONNXRUNTIME_CONTRADICTS_THE_SUITE, differing


def test_two_inputs_side_by_side_give_what_each_gives_alone(outcomes):
    found = outcomes(agrees_side_by_side, lambda name: (name,))
    assert len(found) > 700
    refused = failures(found)
    assert {name for name in refused if not name.startswith(OF_UNKNOWN_LENGTH)} == set(), refused
    assert all(problem.startswith("run_error") for problem in refused.values()), refused
