"""The list of covered operators names every operator of the standard and says what computes it."""

import onnx
import pytest

from viz.adapters.onnx_torch.covered_operators import covered_operators
from viz.adapters.onnx_torch.operator_table import MICROSOFT, covered


@pytest.fixture(scope="module")
def operators():
    return {(operator.domain, operator.name): operator for operator in covered_operators()}


def test_every_operator_of_the_standard_and_of_the_table_is_named(operators):
    standard = {(schema.domain, schema.name) for schema in onnx.defs.get_all_schemas()}
    assert standard | set(covered()) == set(operators)


@pytest.mark.parametrize(
    "domain, name, tier",
    [
        ("", "Conv", "torch function"),
        ("", "Constant", "torch function"),
        ("", "Loop", "control flow"),
        ("", "CenterCropPad", "function body"),
        ("", "StringNormalizer", "reference kernel"),
        ("", "TfIdfVectorizer", "reference kernel"),
        ("ai.onnx.preview.training", "Gradient", "none"),
        (MICROSOFT, "FusedConv", "torch function"),
    ],
)
def test_the_tier_is_the_first_that_has_it(operators, domain, name, tier):
    assert operators[domain, name].tier == tier


def test_versions_are_those_at_which_a_function_begins(operators):
    assert operators["", "Resize"].since == covered()["", "Resize"]
    assert operators["", "Loop"].since == ()


def test_hardly_anything_of_the_standard_domain_has_no_gradient(operators):
    without = {name for (domain, name), o in operators.items() if not domain and o.tier in ("reference kernel", "none")}
    texts = {"RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer"}
    assert without - texts <= {"ImageDecoder", "MelWeightMatrix"}
