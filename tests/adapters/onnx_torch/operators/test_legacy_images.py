"""Operators of old files: as onnxruntime runs them up to opset 9."""

import numpy as np
import pytest

from tests.adapters.onnx_torch.operator_cases import Case, check_batches, check_slopes, check_values, ints, normal
from tests.adapters.onnx_torch.single_node import run_node

X = normal(1, 3, 4, 5)

CASES = [
    Case("ImageScaler", [X], (1, 7, 9), {"bias": [0.1, -0.2, 0.3], "scale": 2.0}),
    Case("ImageScaler", [X], (9,), {"bias": [0.1, -0.2, 0.3]}, note="only"),
    Case("Crop", [X], (1, 9), {"border": [0, 1, 2, 1]}),
    Case("Crop", [X], (1, 9), {"border": [1, 2, 0, 0], "scale": [2, 3]}),
    Case("Affine", [X], (1, 9), {"alpha": 2.0, "beta": -0.5}),
    Case("Affine", [X], (9,)),
    Case("Scale", [X], (1, 9), {"scale": 0.5}),
    Case("Scale", [X], (9,)),
    Case("ParametricSoftplus", [X], (1, 9), {"alpha": 2.0, "beta": 3.0}),
    Case("DynamicSlice", [X, ints(1, -3), ints(9, -1), ints(1, 3)], (1, 9)),
    Case("DynamicSlice", [X[0, 0], ints(1, 2), ints(3, 99)], (1, 9), note="all-axes"),
    Case("ScaledTanh", [X], (1, 9), {"alpha": 2.0, "beta": 3.0}),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_are_onnxruntimes(case):
    check_values(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_are_central_differences(case):
    check_slopes(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_batch_by_vmap_is_the_loop(case):
    check_batches(case)


def test_a_large_input_does_not_overflow_the_softplus():
    found = run_node("ParametricSoftplus", [np.float32([500.0, -500.0])], 9, alpha=2.0, beta=1.0)
    assert found.tolist() == [1000, 0]


def test_given_values_take_the_shape_of_an_attribute_an_input_or_its_values():
    values = {"values": [1.0, 2.0, 3.0, 4.0]}
    assert run_node("GivenTensorFill", [], 1, shape=[2, 2], **values).tolist() == [[1, 2], [3, 4]]
    assert run_node("GivenTensorFill", [np.zeros((4, 1))], 1, **values).shape == (4, 1)
    assert run_node("GivenTensorFill", [ints(2)], 1, input_as_shape=1, extra_shape=[2], **values).shape == (2, 2)
