"""Normalizations with a skip connection, and of groups with channels last."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.adapters.onnx_torch.single_node import (
    call_node,
    check_against,
    check_gradient,
    check_vmap,
    make_node,
    onnxruntime,
    run_node,
)
from viz.adapters.onnx_torch.operator_table import MICROSOFT, Unsupported

random = np.random.default_rng(0)


def values(*shape):
    return random.standard_normal(shape).astype(np.float32)


X, SKIP, GAMMA, BETA, BIAS = values(2, 5, 8), values(2, 5, 8), values(8), values(8), values(8)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.mark.parametrize("skip", [SKIP, SKIP[0], SKIP[:1]], ids=["(b, n, c)", "(n, c)", "(1, n, c)"])
@pytest.mark.parametrize("rest", [[], [BETA], [BETA, BIAS], [None, BIAS]], ids=["", "beta", "both", "bias"])
def test_skip_layer_normalization_agrees_with_onnxruntime(skip, rest):
    inputs = [X, skip, GAMMA, *rest]
    check_against(onnxruntime, "SkipLayerNormalization", inputs, 1, MICROSOFT, epsilon=1e-3, **CLOSE)


@pytest.mark.parametrize("rest", [[], [BIAS]], ids=["", "bias"])
def test_skip_rms_normalization_agrees_with_onnxruntime(rest):
    check_against(onnxruntime, "SkipSimplifiedLayerNormalization", [X, SKIP, GAMMA, *rest], 1, MICROSOFT, **CLOSE)


@pytest.mark.parametrize("name", ["SkipLayerNormalization", "SkipSimplifiedLayerNormalization"])
def test_the_sum_is_the_fourth_output(name):
    node = make_node(name, [X, SKIP, GAMMA], 1, MICROSOFT, outputs=4)
    node = replace(node, outputs=(node.outputs[0], "", "", node.outputs[3]))  # no statistics
    *_, total = call_node(node, [X, SKIP, GAMMA])
    np.testing.assert_array_equal(total, X + SKIP)


def test_the_outputs_for_training_are_refused():
    with pytest.raises(Unsupported, match="training"):
        run_node("SkipLayerNormalization", [X, SKIP, GAMMA], 1, MICROSOFT, outputs=2)


@pytest.mark.parametrize("activation", [0, 1])
def test_group_norm_is_torchs_with_channels_last(activation):
    images, gamma, beta = values(2, 3, 4, 8), values(8), values(8)
    turned = torch.from_numpy(images).movedim(-1, 1)
    wanted = torch.nn.functional.group_norm(turned, 4, torch.from_numpy(gamma), torch.from_numpy(beta), 1e-3)
    wanted = torch.nn.functional.silu(wanted) if activation else wanted
    how = {"groups": 4, "activation": activation, "epsilon": 1e-3}
    found = run_node("GroupNorm", [images, gamma, beta], 1, MICROSOFT, **how)
    torch.testing.assert_close(found, wanted.movedim(1, -1))
    first = run_node("GroupNorm", [turned, gamma, beta], 1, MICROSOFT, channels_last=0, **how)
    torch.testing.assert_close(first, wanted)


@pytest.mark.parametrize("channels_last", [0, 1])
@pytest.mark.parametrize("per_channel", [False, True])
def test_skip_group_norm_is_group_norm_of_the_sum(channels_last, per_channel):
    images, bias = values(2, 8, 3, 4), values(8)
    skip = values(2, 8) if per_channel else values(2, 8, 3, 4)
    total = images + bias[:, None, None] + (skip[:, :, None, None] if per_channel else skip)
    weights = [values(8), values(8)]
    how = {"groups": 2, "activation": 1, "channels_last": channels_last}

    def laid_out(t):
        return np.moveaxis(t, 1, -1) if channels_last and t.ndim == 4 else t

    inputs = [laid_out(images), *weights, laid_out(skip), bias]
    found, added = run_node("SkipGroupNorm", inputs, 1, MICROSOFT, outputs=2, **how)
    np.testing.assert_allclose(added, laid_out(total), rtol=1e-5, atol=1e-6)
    wanted = run_node("GroupNorm", [laid_out(total), *weights], 1, MICROSOFT, **how)
    torch.testing.assert_close(found, wanted)


def test_gradients_agree_with_central_differences():
    inputs = [X[:1, :2], SKIP[:1, :2], GAMMA, BETA, BIAS]
    check_gradient("SkipLayerNormalization", inputs, 1, MICROSOFT)
    check_gradient("SkipSimplifiedLayerNormalization", inputs[:3], 1, MICROSOFT)
    check_gradient("GroupNorm", [values(1, 2, 2, 4), values(4), values(4)], 1, MICROSOFT, groups=2, activation=1)


def test_a_vmapped_batch_equals_the_loop():
    check_vmap("SkipLayerNormalization", [X, SKIP, GAMMA, BETA, BIAS], 1, MICROSOFT, mapped=[0, 1])
    check_vmap("GroupNorm", [values(1, 2, 2, 4), values(4), values(4)], 1, MICROSOFT, groups=2, activation=1)
