"""ONNX's backend suite through our executor, or with `--converter` through another: every case a test."""

import pytest

from tests.conformance.known_failures import check

pytestmark = pytest.mark.conformance


def test_gives_the_answer_of_the_suite(forward_case, answered, converter):
    outcome = answered("forward", forward_case)
    if converter == "ours":  # the figures of others are printed, not judged
        check("forward", forward_case, outcome)
