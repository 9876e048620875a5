"""Fused convolutions and products: as onnxruntime computes them, and as their parts one after the other."""

import numpy as np
import pytest
import torch

from tests.adapters.onnx_torch.single_node import check_against, check_gradient, check_vmap, onnxruntime, run_node
from viz.adapters.onnx_torch.operator_table import MICROSOFT, Unsupported

random = np.random.default_rng(0)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def values(*shape):
    return random.standard_normal(shape).astype(np.float32)


IMAGES, WEIGHT, BIAS = values(2, 4, 7, 9), values(6, 4, 3, 3), values(6)


@pytest.mark.parametrize(
    "activation,parameters",
    [
        ("Relu", []),
        ("Sigmoid", []),
        ("Tanh", []),
        ("LeakyRelu", [0.2]),
        ("Clip", [-0.5, 1.0]),
        ("Clip", [0.0, 6.0]),
        ("HardSigmoid", [0.3, 0.4]),
    ],
)
def test_fused_conv_agrees_with_onnxruntime(activation, parameters):
    how = {"activation": activation, "activation_params": parameters or [0.0], "pads": [1, 1, 0, 1]}
    check_against(onnxruntime, "FusedConv", [IMAGES, WEIGHT, BIAS], 1, MICROSOFT, **how, **CLOSE)
    check_against(onnxruntime, "FusedConv", [IMAGES, WEIGHT, BIAS, values(2, 6, 6, 9)], 1, MICROSOFT, **how, **CLOSE)


def test_fused_conv_without_activation_is_a_convolution_and_a_sum():
    skip = values(2, 6, 5, 7)
    found = run_node("FusedConv", [IMAGES, WEIGHT, None, skip], 1, MICROSOFT)
    wanted = torch.nn.functional.conv2d(torch.from_numpy(IMAGES), torch.from_numpy(WEIGHT)) + torch.from_numpy(skip)
    torch.testing.assert_close(found, wanted)


def test_an_activation_that_nobody_knows_is_named():
    with pytest.raises(Unsupported, match="'Wiggle'"):
        run_node("FusedConv", [IMAGES, WEIGHT], 1, MICROSOFT, activation="Wiggle")


def test_channels_last_is_the_same_with_axes_moved():
    plain = run_node("FusedConv", [IMAGES, WEIGHT, BIAS], 1, MICROSOFT, activation="Relu")
    for name in ("NhwcConv", "NhwcFusedConv"):
        activation = {} if name == "NhwcConv" else {"activation": "Relu"}
        turned = [np.moveaxis(IMAGES, 1, -1), np.moveaxis(WEIGHT, 1, -1), BIAS]
        found = run_node(name, turned, 1, MICROSOFT, **activation).movedim(-1, 1)
        torch.testing.assert_close(torch.relu(found), plain)


@pytest.mark.parametrize(
    "activation,alpha,beta,gamma",
    [
        ("Relu", None, None, None),
        ("Tanh", None, None, None),
        ("Sigmoid", None, None, None),
        ("Softplus", None, None, None),
        ("Softsign", None, None, None),
        ("LeakyRelu", 0.2, None, None),
        ("ThresholdedRelu", 0.3, None, None),
        ("Elu", 0.7, None, None),
        ("Selu", 1.5, None, 1.1),
        ("HardSigmoid", 0.3, 0.4, None),
    ],
)
def test_fused_gemm_agrees_with_onnxruntime(activation, alpha, beta, gamma):
    given = {"activation_alpha": alpha, "activation_beta": beta, "activation_gamma": gamma}
    how = {name: value for name, value in given.items() if value is not None}
    inputs = [values(5, 4), values(3, 4), values(3)]
    check_against(onnxruntime, "FusedGemm", inputs, 1, MICROSOFT, activation=activation, transB=1, **how, **CLOSE)


@pytest.mark.parametrize(
    "left,right,how",
    [
        ((2, 3, 5, 4), (2, 3, 4, 6), {"alpha": 0.5}),
        ((2, 3, 5, 4), (2, 3, 6, 4), {"transB": 1}),
        ((2, 3, 4, 5), (2, 3, 4, 6), {"transA": 1, "alpha": 2.0}),
        ((5, 2, 3, 4), (2, 3, 4, 6), {"transBatchA": 1}),
        ((4, 2, 3, 5), (2, 3, 4, 6), {"transBatchA": 1, "transA": 1}),
        ((2, 3, 5, 4), (4, 2, 3, 6), {"transBatchB": 1}),
        ((4,), (4, 6), {}),
    ],
)
def test_fused_matmul_agrees_with_onnxruntime(left, right, how):
    check_against(onnxruntime, "FusedMatMul", [values(*left), values(*right)], 1, MICROSOFT, **how, **CLOSE)


def test_transpose_matmul_is_its_older_name():
    inputs = [values(2, 5, 4), values(2, 6, 4)]
    check_against(onnxruntime, "TransposeMatMul", inputs, 1, MICROSOFT, transB=1, **CLOSE)


def test_gradients_agree_with_central_differences():
    small = [values(1, 2, 4, 4), values(3, 2, 3, 3), values(3), values(1, 3, 2, 2)]
    check_gradient("FusedConv", small, 1, MICROSOFT, activation="Tanh")
    check_gradient("FusedGemm", [values(2, 3), values(3, 4), values(4)], 1, MICROSOFT, activation="Sigmoid")
    check_gradient("FusedMatMul", [values(2, 3), values(4, 3)], 1, MICROSOFT, transB=1, alpha=0.5)


def test_a_vmapped_batch_equals_the_loop():
    check_vmap("FusedConv", [IMAGES, WEIGHT, BIAS], 1, MICROSOFT, activation="Relu")
    check_vmap("FusedMatMul", [values(2, 3, 4), values(2, 5, 4)], 1, MICROSOFT, transB=1)
