"""What stands around networks that came from scikit-learn or CoreML."""

import numpy as np
import pytest

from tests.adapters.onnx_torch.single_node import check_against, check_gradient, check_vmap, onnxruntime, run_node
from viz.adapters.onnx_torch.operators.classical import CLASSICAL, PASSED_THROUGH

X = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)


def test_zip_map_shows_the_scores_and_says_so():
    found = run_node("ZipMap", [X], 1, CLASSICAL, classlabels_strings=list("abcde"))
    np.testing.assert_array_equal(found, X)
    assert "left out" in PASSED_THROUGH[(CLASSICAL, "ZipMap")]


@pytest.mark.parametrize("x", [X, X[0]], ids=["rows", "one row"])
def test_columns_are_picked_as_onnxruntime_does(x):
    check_against(onnxruntime, "ArrayFeatureExtractor", [x, np.int64([[4, 0, 0]])], 1, CLASSICAL)


@pytest.mark.parametrize("x", [X, (X * 10).astype(np.int64)], ids=["float", "int"])
def test_scaling_agrees_with_onnxruntime(x):
    check_against(onnxruntime, "Scaler", [x], 1, CLASSICAL, offset=[1.0] * 5, scale=[2.0, 1.0, 0.5, 3.0, 1.0])
    check_against(onnxruntime, "Scaler", [x], 1, CLASSICAL, offset=[0.5], scale=[2.0])


def test_a_scaler_may_do_one_thing_only():
    np.testing.assert_array_equal(run_node("Scaler", [X], 1, CLASSICAL, offset=[2.0]), X - 2)
    np.testing.assert_array_equal(run_node("Scaler", [X], 1, CLASSICAL, scale=[2.0]), X * 2)


def test_gradients_pass():
    check_gradient("ArrayFeatureExtractor", [X, np.int64([4, 0, 0])], 1, CLASSICAL)
    check_vmap("Scaler", [X], 1, CLASSICAL, offset=[1.0], scale=[2.0])
