"""Convolution and its transpose: known answers, every geometry against onnxruntime, slopes, batches by vmap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.onnx_torch.operator_cases import Case, check_batches, check_slopes, check_values, normal
from tests.adapters.onnx_torch.operators.window_geometry import geometries, image, same_as_onnxruntime
from tests.adapters.onnx_torch.single_node import check_against, run_node
from viz.adapters.onnx_torch.operator_table import Unsupported

X, W, BIAS = normal(1, 2, 4, 3), normal(4, 1, 3, 2, seed=1), normal(4, seed=2)
TO = normal(2, 2, 3, 2, seed=3)

CASES = [
    Case("Conv", [normal(1, 2, 5), normal(3, 2, 3, seed=1)], (11, 22), {"pads": [1, 1]}),
    Case("Conv", [X, W, BIAS], (11, 22), {"group": 2, "pads": [1, 1, 1, 1]}),
    Case("Conv", [X, W], (11, 22), {"group": 2, "pads": [0, 1, 2, 0], "strides": [2, 1]}),
    Case("Conv", [X, W], (11, 22), {"group": 2, "auto_pad": "SAME_LOWER", "strides": [2, 2]}),
    Case("ConvTranspose", [X, TO, BIAS[:2]], (11, 22), {"strides": [2, 3], "pads": [1, 0, 0, 2]}),
    Case("ConvTranspose", [X, TO], (11, 22), {"strides": [2, 2], "pads": [0, 0, 1, 1]}),
    Case("ConvTranspose", [X, TO], (11, 22), {"strides": [2, 2], "output_padding": [1, 0], "dilations": [1, 2]}),
    Case("ConvTranspose", [X, TO[:, :1]], (11,), {"group": 2, "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    Case("ConvTranspose", [X, TO, BIAS[:2]], (11,), {"strides": [2, 2], "output_shape": [8, 7]}),
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


def test_a_kernel_of_ones_counts_its_cells_on_the_image():
    counts = run_node("Conv", [np.ones((1, 1, 3, 3)), np.ones((1, 1, 3, 3))], 11, pads=[1, 1, 1, 1])
    assert counts[0, 0].tolist() == [[4, 6, 4], [6, 9, 6], [4, 6, 4]]


def test_a_missing_row_goes_to_the_end_with_same_upper_and_to_the_start_with_same_lower():
    x, kernel = np.arange(1.0, 5.0).reshape(1, 1, 4), np.array([[[1.0, 10.0]]])
    assert run_node("Conv", [x, kernel], 11, auto_pad="SAME_UPPER").flatten().tolist() == [21, 32, 43, 4]
    assert run_node("Conv", [x, kernel], 11, auto_pad="SAME_LOWER").flatten().tolist() == [10, 21, 32, 43]


def test_the_transpose_writes_the_kernel_at_every_step():
    x, kernel = np.array([[[1.0, 2.0]]]), np.array([[[1.0, 10.0]]])
    assert run_node("ConvTranspose", [x, kernel], 11, strides=[3]).flatten().tolist() == [1, 10, 0, 2, 20]


def test_rows_that_only_the_output_shape_asks_for_hold_the_bias():
    x, kernel, bias = np.ones((1, 1, 2)), np.ones((1, 1, 1)), np.array([7.0])
    found = run_node("ConvTranspose", [x, kernel, bias], 11, output_shape=[5])
    assert found.flatten().tolist() == [8, 8, 7, 7, 7]


def test_four_axes_are_left_to_others():
    with pytest.raises(Unsupported, match="4 axes"):
        run_node("Conv", [np.ones((1, 1, 2, 2, 2, 2)), np.ones((1, 1, 1, 1, 1, 1))], 11)


@settings(max_examples=60, deadline=None)
@given(geometry=geometries(), group=st.sampled_from([1, 2]), biased=st.booleans())
def test_every_convolution_is_onnxruntimes(geometry, group, biased):
    x, kernel = image(geometry.pop("sizes")), geometry.pop("kernel")
    weight, bias = normal(4, 2 // group, *kernel, seed=1), [normal(4, seed=2)] if biased else []
    same_as_onnxruntime("Conv", [x, weight, *bias], 11, group=group, **geometry)


@settings(max_examples=60, deadline=None)
@given(geometry=geometries(), group=st.sampled_from([1, 2]), biased=st.booleans(), data=st.data())
def test_every_transpose_is_onnxruntimes(geometry, group, biased, data):
    x, kernel = image(geometry.pop("sizes")), geometry.pop("kernel")
    weight = normal(2, 4 // group, *kernel, seed=1)
    bias = [normal(4, seed=2)] if biased else []
    extra = data.draw(st.sampled_from(["nothing", "output_padding", "output_shape"]))
    if extra == "output_padding":
        geometry[extra] = [data.draw(st.integers(0, step - 1)) for step in geometry["strides"]]
    elif extra == "output_shape":
        geometry.pop("pads", None)
        geometry[extra] = [
            data.draw(st.integers(max(1, n * s - 2), n * s + 3))
            for n, s in zip(x.shape[2:], geometry["strides"], strict=True)
        ]
    same_as_onnxruntime("ConvTranspose", [x, weight, *bias], 11, group=group, **geometry)


def test_integers_are_exact_in_float64():
    x, weight = np.full((1, 1, 2), 2.0**30 + 1), np.ones((1, 1, 2))
    check_against(np.array([[[2.0**31 + 2]]]), "Conv", [x, weight], 11)
