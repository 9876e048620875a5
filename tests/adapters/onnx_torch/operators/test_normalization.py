"""Normalization: by running and by own statistics, every version's form, and slopes where nothing is to divide."""

import numpy as np
import pytest
import torch

from tests.adapters.onnx_torch.operator_cases import Case, check_batches, check_slopes, check_values, normal, uniform
from tests.adapters.onnx_torch.single_node import check_against, onnxruntime, reference, run_node, same_values

X = normal(2, 4, 3, 2)
SCALE, BIAS, MEAN, VARIANCE = normal(4, seed=1), normal(4, seed=2), normal(4, seed=3), uniform(4, seed=4)
BATCH = [X, SCALE, BIAS, MEAN, VARIANCE]

CASES = [
    Case("BatchNormalization", BATCH, (7, 9, 14, 15), {"epsilon": 0.01}),
    Case("BatchNormalization", BATCH, (9, 14, 15), mapped=(0, 3, 4), note="statistics-of-the-image"),
    Case("BatchNormalization", [X[:, :, 0, 0], *BATCH[1:]], (9, 15), note="no-space"),
    Case("BatchNormalization", BATCH, (14, 15), {"training_mode": 1, "momentum": 0.7}, outputs=3, mapped=None),
    Case("BatchNormalization", [X, *normal(4, 4, 3, 2) ** 2], (7,), {"spatial": 0}),
    Case("InstanceNormalization", [X, SCALE, BIAS], (6, 22), {"epsilon": 0.01}),
    Case("GroupNormalization", [X, SCALE, BIAS], (21,), {"num_groups": 2}),
    Case("LayerNormalization", [X, normal(2, seed=1)], (17,)),
    Case("LayerNormalization", [X, normal(3, 2, seed=1), normal(3, 2, seed=2)], (17,), {"axis": 2}),
    Case("LayerNormalization", [X, normal(3, 2, seed=1)], (17,), {"axis": 2}, outputs=3),
    Case(
        "LayerNormalization",
        [X, normal(1, seed=1), normal(3, 1, seed=2)],
        (17,),
        {"axis": 2},
        runtime=True,
        note="thin",
    ),
    Case("RMSNormalization", [X, normal(3, 2, seed=1)], (23,), {"axis": -2}),
    Case("LRN", [X], (7, 13), {"size": 3, "alpha": 0.5, "bias": 2.0}, runtime=True),
    # onnxruntime takes odd sizes only, and onnx's kernel means the batch where it says channels.
    Case("LRN", [normal(4, 4, 2, 1)], (13,), {"size": 4, "beta": 0.5}),
    Case("LpNormalization", [X], (7, 22), {"axis": 1}),
    Case("LpNormalization", [X], (7, 22), {"p": 1}, runtime=True),
    Case("MeanVarianceNormalization", [X], (7, 9, 13)),
    Case("MeanVarianceNormalization", [X], (7,), {"across_channels": 1, "normalize_variance": 0}),
    Case("MeanVarianceNormalization", [X], (9, 13), {"axes": [1, 2]}),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_are_those_of_other_implementations(case):
    check_values(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_are_central_differences(case):
    check_slopes(case)


@pytest.mark.parametrize("case", [case for case in CASES if case.mapped], ids=str)
def test_a_batch_by_vmap_is_the_loop(case):
    check_batches(case)


def test_a_batch_that_trains_has_mean_zero_and_variance_one():
    y, *_ = run_node(
        "BatchNormalization", [X, *np.float32([[1] * 4, [0] * 4]), MEAN, VARIANCE], 15, outputs=3, training_mode=1
    )
    torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(4), atol=1e-6, rtol=0)
    torch.testing.assert_close(y.var((0, 2, 3), unbiased=False), torch.ones(4), atol=1e-3, rtol=0)


@pytest.mark.parametrize("version", [7, 9])
def test_before_opset_14_several_outputs_mean_training(version):
    wanted = onnxruntime("BatchNormalization", BATCH, version, outputs=5)
    found = run_node("BatchNormalization", BATCH, version, outputs=5)
    for ours, theirs in zip(found[:4], wanted[:4], strict=True):  # the last is 1 / deviation with onnxruntime
        same_values(ours, theirs, 1e-4)


def test_before_opset_7_a_flag_says_that_it_is_a_test():
    found = run_node("BatchNormalization", BATCH, 6, is_test=1)
    np.testing.assert_allclose(found, onnxruntime("BatchNormalization", BATCH, 7), rtol=1e-5)


def test_parameters_may_be_wider_than_the_image():
    wide = [X.astype(np.float32), *(array.astype(np.float64) for array in BATCH[1:])]
    found = run_node("BatchNormalization", wide, 15)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found, onnxruntime("BatchNormalization", BATCH, 15), rtol=1e-5)


def test_at_version_18_groups_have_one_scale_each():
    scale, bias = normal(2, seed=1), normal(2, seed=2)
    check_against(reference, "GroupNormalization", [X, scale, bias], 18, num_groups=2)
    whole = run_node("GroupNormalization", [X, scale.repeat(2), bias.repeat(2)], 21, num_groups=2)
    torch.testing.assert_close(run_node("GroupNormalization", [X, scale, bias], 18, num_groups=2), whole)


def test_an_image_of_one_cell_is_its_bias():
    found = run_node("InstanceNormalization", [normal(1, 4, 1, 1), SCALE, BIAS], 22)
    np.testing.assert_allclose(found.flatten(), BIAS, rtol=1e-5)


def test_onnxruntimes_own_operators_of_the_standard_domain():
    scale = normal(2, seed=1)
    check_against(onnxruntime, "SimplifiedLayerNormalization", [X, scale], 14, rtol=1e-4)
    check_against(onnxruntime, "LayerNormalization", [X, scale], 14, rtol=1e-4)


def test_zeros_stay_zeros_and_have_finite_gradients():
    for op, version in [("LpNormalization", 22), ("MeanVarianceNormalization", 13), ("LRN", 13)]:
        x = torch.zeros(1, 2, 2, 2, requires_grad=True)
        y = run_node(op, [x], version, **({"size": 2} if op == "LRN" else {}))
        y.sum().backward()
        assert torch.equal(y, torch.zeros_like(y))
        assert x.grad.isfinite().all()


def test_the_standards_even_window_of_channels_reaches_further_up():
    x = np.array([1.0, 0.0, 0.0, 2.0]).reshape(1, 4, 1)
    found = run_node("LRN", [x], 13, size=2, alpha=2.0, beta=1.0, bias=1.0)
    assert found.flatten().tolist() == [0.5, 0, 0, 0.4]
