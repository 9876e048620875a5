"""Pooling over windows and over the whole image: known answers, every geometry, slopes, batches by vmap."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.onnx_torch.operator_cases import Case, check_batches, check_slopes, check_values, ints, normal
from tests.adapters.onnx_torch.operators.window_geometry import geometries, image, same_as_onnxruntime
from tests.adapters.onnx_torch.single_node import check_against, onnxruntime, reference, run_node

X = normal(1, 2, 5, 6)
SQUARE = {"kernel_shape": [3, 3], "strides": [2, 2]}
UNEVEN = {"kernel_shape": [3, 2], "pads": [0, 1, 1, 0], "strides": [2, 1]}

CASES = [
    Case("MaxPool", [normal(1, 2, 9)], (8, 12, 22), {"kernel_shape": [3], "pads": [1, 1]}, runtime=True),
    Case("MaxPool", [X], (8, 12, 22), {**SQUARE, "pads": [1, 1, 1, 1]}),
    Case("MaxPool", [X], (8, 12, 22), UNEVEN),
    Case("MaxPool", [X], (12, 22), {**SQUARE, "ceil_mode": 1, "dilations": [2, 1]}),
    Case("AveragePool", [X], (7, 11, 22), {**SQUARE, "pads": [1, 1, 1, 1]}),
    Case("AveragePool", [X], (7, 11, 22), {**SQUARE, "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    Case("AveragePool", [X], (7, 11, 22), UNEVEN),
    Case("AveragePool", [X], (7, 11, 22), {**UNEVEN, "count_include_pad": 1}),
    Case("AveragePool", [X], (22,), {**UNEVEN, "dilations": [2, 2]}),
    Case("LpPool", [X], (2, 11, 22), SQUARE),
    Case("LpPool", [X], (11, 22), {**UNEVEN, "p": 3}),
    Case("GlobalAveragePool", [X], (7, 22)),
    Case("GlobalMaxPool", [X], (7, 22)),
    Case("GlobalLpPool", [X], (7, 11), {"p": 3}),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_are_those_of_other_implementations(case):
    check_values(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_are_central_differences(case):
    check_slopes(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_batch_by_vmap_is_the_loop(case):
    check_batches(case)


def test_padding_never_is_the_maximum():
    found = run_node("MaxPool", [-np.ones((1, 1, 3))], 12, kernel_shape=[2], pads=[1, 0])
    assert found.flatten().tolist() == [-1, -1, -1]


def test_padding_counts_in_a_mean_only_on_request():
    x, shape = np.full((1, 1, 2), 6.0), {"kernel_shape": [2], "pads": [1, 0]}
    assert run_node("AveragePool", [x], 11, **shape).flatten().tolist() == [6, 6]
    assert run_node("AveragePool", [x], 11, count_include_pad=1, **shape).flatten().tolist() == [3, 6]


def test_what_ceil_mode_adds_does_not_count_in_a_mean():
    x = np.array([[[1.0, 2.0, 6.0]]])
    found = run_node("AveragePool", [x], 11, kernel_shape=[2], strides=[2], ceil_mode=1, count_include_pad=1)
    assert found.flatten().tolist() == [1.5, 6]


def test_integers_keep_their_type():
    x = ints(*range(16), dtype=np.uint8).reshape(1, 1, 4, 4)
    check_against(onnxruntime, "MaxPool", [x], 12, kernel_shape=[2, 2])


@pytest.mark.parametrize("storage_order", [0, 1])
@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 1, 0]])
def test_indices_say_where_the_maxima_lie_in_the_whole_input(storage_order, pads):
    attributes = {"kernel_shape": [2, 3], "strides": [2, 2], "pads": pads, "storage_order": storage_order}
    check_against(onnxruntime, "MaxPool", [X], 12, outputs=2, **attributes)


def test_a_window_of_zeros_has_the_gradient_zero():
    for op, attributes in [("LpPool", {"kernel_shape": [2]}), ("GlobalLpPool", {})]:
        x = torch.zeros(1, 1, 4, requires_grad=True)
        run_node(op, [x], 18, **attributes).sum().backward()
        assert x.grad.tolist() == [[[0, 0, 0, 0]]]


def test_of_equal_maxima_the_first_gets_the_gradient_as_in_torchs_pooling():
    x = torch.ones(1, 1, 2, 2, requires_grad=True)
    run_node("GlobalMaxPool", [x], 18).sum().backward()
    assert x.grad.flatten().tolist() == [1, 0, 0, 0]


@settings(max_examples=60, deadline=None)
@given(geometry=geometries(pooling=True), outputs=st.integers(1, 2), order=st.integers(0, 1))
def test_every_maximum_is_onnxruntimes(geometry, outputs, order):
    x, kernel = image(geometry.pop("sizes")), geometry.pop("kernel")
    same_as_onnxruntime("MaxPool", [x], 12, kernel_shape=kernel, outputs=outputs, storage_order=order, **geometry)


@settings(max_examples=60, deadline=None)
@given(geometry=geometries(pooling=True), counted=st.integers(0, 1))
def test_every_mean_is_onnxruntimes(geometry, counted):
    x, kernel = image(geometry.pop("sizes")), geometry.pop("kernel")
    same_as_onnxruntime("AveragePool", [x], 19, kernel_shape=kernel, count_include_pad=counted, **geometry)


@settings(max_examples=40, deadline=None)
@given(geometry=geometries(pooling=True), p=st.integers(1, 3))
def test_every_norm_is_onnxruntimes(geometry, p):
    x, kernel = image(geometry.pop("sizes")), geometry.pop("kernel")
    same_as_onnxruntime("LpPool", [x], 18, kernel_shape=kernel, p=p, **geometry)


def test_a_mean_with_ceil_mode_is_the_standards_too():
    x = normal(1, 1, 8, 8)
    for counted in (0, 1):
        attributes = {"kernel_shape": [3, 3], "strides": [3, 3], "pads": [1, 1, 1, 1], "ceil_mode": 1}
        check_against(reference, "AveragePool", [x], 22, count_include_pad=counted, **attributes)
