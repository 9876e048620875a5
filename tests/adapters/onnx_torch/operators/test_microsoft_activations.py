"""onnxruntime's own activations, against onnxruntime and, where its CPU has none, their formulas."""

from math import erf

import numpy as np
import pytest

from tests.adapters.onnx_torch.single_node import check_against, check_gradient, check_vmap, onnxruntime, run_node
from viz.adapters.onnx_torch.operator_table import MICROSOFT

random = np.random.default_rng(0)
X = random.standard_normal((2, 5, 8)).astype(np.float32)
BIAS = random.standard_normal(8).astype(np.float32)


@pytest.mark.parametrize(
    "name,inputs", [("Gelu", [X]), ("BiasGelu", [X, BIAS]), ("FastGelu", [X]), ("FastGelu", [X, BIAS])]
)
def test_gelus_agree_with_onnxruntime(name, inputs):
    check_against(onnxruntime, name, inputs, 1, MICROSOFT, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("how", [{}, {"alpha": 1.0}, {"alpha": 2.5}], ids=str)
def test_quick_gelu_agrees_with_onnxruntime(how):
    check_against(onnxruntime, "QuickGelu", [X], 1, MICROSOFT, **how)


def test_bias_split_gelu_gates_one_half_by_the_other():
    values, gate = np.split(X + BIAS, 2, axis=-1)
    wanted = values * gate * (1 + np.vectorize(erf)(gate / np.sqrt(2))) / 2
    np.testing.assert_allclose(run_node("BiasSplitGelu", [X, BIAS], 1, MICROSOFT), wanted, rtol=1e-4, atol=1e-5)


def test_bias_add_adds_both():
    np.testing.assert_allclose(run_node("BiasAdd", [X, BIAS, X], 1, MICROSOFT), X + BIAS + X, rtol=1e-6)


@pytest.mark.parametrize("axis,axes", [(-1, (2,)), (2, (2,)), (1, (1, 2))])
def test_bias_softmax_is_softmax_of_the_sum_over_the_axes_from_the_one_given(axis, axes):
    powers = np.exp(X + BIAS)
    found = run_node("BiasSoftmax", [X, BIAS], 1, MICROSOFT, axis=axis, is_inner_broadcast=0)
    np.testing.assert_allclose(found, powers / powers.sum(axes, keepdims=True), rtol=1e-5)


def test_gradients_agree_with_central_differences():
    for name in ("BiasGelu", "FastGelu"):
        check_gradient(name, [X[0], BIAS], 1, MICROSOFT)
    check_gradient("QuickGelu", [X[0]], 1, MICROSOFT)
    check_gradient("BiasSplitGelu", [X[0], BIAS], 1, MICROSOFT)


def test_a_vmapped_batch_equals_the_loop():
    check_vmap("BiasGelu", [X, BIAS], 1, MICROSOFT)
    check_vmap("BiasSoftmax", [X, BIAS], 1, MICROSOFT, axis=1, is_inner_broadcast=0)
