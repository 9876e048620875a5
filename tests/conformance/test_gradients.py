"""Gradients of the float vision cases against differences of onnx's reference in float64; with `--converter` too."""

import pytest

from tests.conformance.known_failures import check

pytestmark = pytest.mark.conformance


def test_has_the_gradient_of_the_reference(gradient_case, answered, converter):
    outcome = answered("gradient", gradient_case)
    if converter == "ours":
        check("gradient", gradient_case, outcome)
