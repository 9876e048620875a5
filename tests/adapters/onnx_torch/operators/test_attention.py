"""Attention and rotary embedding: against onnx's kernels, a slow twin, and where no key is seen."""

import numpy as np
import pytest
import torch

from tests.adapters.onnx_torch.single_node import (
    check_against,
    check_gradient,
    check_vmap,
    onnxruntime,
    reference,
    run_node,
)

random = np.random.default_rng(0)


def values(*shape):
    return random.standard_normal(shape).astype(np.float32)


QUERY, KEY, VALUE = values(2, 4, 5, 8), values(2, 4, 7, 8), values(2, 4, 7, 6)


def test_equal_scores_give_the_mean_of_the_values():
    found = run_node("Attention", [0 * QUERY, KEY, VALUE], 23)
    np.testing.assert_allclose(found, np.broadcast_to(VALUE.mean(2, keepdims=True), found.shape), rtol=1e-5, atol=1e-6)


def test_agrees_with_attention_written_as_loops():
    found = run_node("Attention", [QUERY, KEY, VALUE], 23, scale=0.3)
    for b, h, i in np.ndindex(2, 4, 5):
        weights = [np.exp(0.3 * np.dot(QUERY[b, h, i], KEY[b, h, j])) for j in range(7)]
        wanted = sum(w * VALUE[b, h, j] for j, w in enumerate(weights)) / sum(weights)
        np.testing.assert_allclose(found[b, h, i], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"is_causal": 1},
        {"softcap": 2.0},
        {"scale": 0.1, "is_causal": 1},
        {"softmax_precision": 11},
    ],
    ids=str,
)
@pytest.mark.parametrize("version", [23, 24, 25])
def test_agrees_with_onnx(version, attributes):
    check_against(reference, "Attention", [QUERY, KEY, VALUE], version, **attributes)


@pytest.mark.parametrize("left,right,causal", [(2, -1, 0), (-1, 1, 0), (1, 1, 0), (2, 3, 1), (0, 0, 0)])
def test_windows_agree_with_onnx(left, right, causal):
    window = {"left_window_size": left, "right_window_size": right, "is_causal": causal}
    check_against(reference, "Attention", [QUERY, KEY, VALUE], 25, **window)


@pytest.mark.parametrize("shape", [(5, 7), (5, 4), (4, 5, 7), (2, 1, 5, 7), (2, 4, 5, 3), (1, 7)])
@pytest.mark.parametrize("kind", [bool, np.float32])
def test_masks_of_every_shape_agree_with_onnx(shape, kind):
    mask = random.random(shape) > 0.3 if kind is bool else values(*shape)
    check_against(reference, "Attention", [QUERY, KEY, VALUE, mask], 24)
    if shape[-2] == QUERY.shape[2]:  # onnx's kernel shifts a mask of one row along with the queries
        check_against(reference, "Attention", [QUERY, KEY, VALUE, mask], 24, is_causal=1)


@pytest.mark.parametrize("mode", [1, 2, 3])
def test_scores_and_caches_agree_with_onnx(mode):
    past = [values(2, 4, 3, 8), values(2, 4, 3, 6)]
    inputs = [QUERY, KEY, VALUE, random.random((5, 10)) > 0.3, *past]
    how = {"softcap": 3.0, "is_causal": 1, "qk_matmul_output_mode": mode}
    check_against(reference, "Attention", inputs, 24, outputs=4, **how)
    check_against(reference, "Attention", [*inputs[:3], None, *past], 24, outputs=3)


def test_the_first_kind_of_scores_is_the_scaled_product():
    *_, scores = run_node("Attention", [QUERY, KEY, VALUE], 24, outputs=4, scale=0.3, softcap=2.0)
    np.testing.assert_allclose(scores, 0.3 * QUERY @ KEY.swapaxes(-1, -2), rtol=1e-4, atol=1e-5)


def test_sequences_of_different_lengths_agree_with_onnx():
    for attributes in ({}, {"is_causal": 1}):
        lengths = np.int64([6, 3])
        inputs = [QUERY, KEY, VALUE, None, None, None, lengths]
        check_against(reference, "Attention", inputs, 24, **attributes)


def test_heads_may_lie_side_by_side_and_share_keys():
    inputs = [values(2, 5, 4 * 8), values(2, 7, 2 * 8), values(2, 7, 2 * 6)]
    check_against(reference, "Attention", inputs, 23, q_num_heads=4, kv_num_heads=2)
    check_against(onnxruntime, "Attention", inputs, 23, q_num_heads=4, kv_num_heads=2, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["bool", "float"])
@pytest.mark.parametrize("softcap", [0.0, 2.0], ids=["fused", "written out"])
def test_a_query_that_sees_no_key_gives_zeros_and_gradients_stay_finite(kind, softcap):
    seen = np.ones((5, 7), bool)
    seen[2] = False
    mask = seen if kind == "bool" else np.where(seen, 0, -np.inf).astype(np.float32)
    inputs = [torch.from_numpy(t).requires_grad_() for t in (QUERY, KEY, VALUE)]
    found = run_node("Attention", [*inputs, mask], 24, softcap=softcap)
    assert torch.all(found[:, :, 2] == 0) and torch.any(found[:, :, 1] != 0)
    gradients = torch.autograd.grad(found.square().sum(), inputs)
    assert all(torch.isfinite(g).all() for g in gradients)
    assert torch.all(gradients[0][:, :, 2] == 0) and torch.any(gradients[0][:, :, 1] != 0)


@pytest.mark.parametrize(
    "attributes", [{}, {"is_causal": 1}, {"softcap": 2.0}, {"left_window_size": 1, "right_window_size": 0}], ids=str
)
def test_gradients_agree_with_central_differences(attributes):
    small = [values(1, 2, 3, 4), values(1, 2, 4, 4), values(1, 2, 4, 3)]
    check_gradient("Attention", small, 25, **attributes)
    check_gradient("Attention", [*small, values(3, 4)], 25, **attributes)


def test_gradients_flow_into_the_mask():
    check_gradient("Attention", [*(values(1, 1, 3, 4) for _ in range(3)), values(3, 3)], 24, wrt=[3])


def test_a_vmapped_batch_equals_the_loop():
    mask = random.random((5, 7)) > 0.3
    check_vmap("Attention", [QUERY, KEY, VALUE], 24, mapped=[0, 1, 2], is_causal=1)
    check_vmap("Attention", [QUERY, KEY, VALUE, mask], 24, mapped=[0, 3])


def test_inside_vmap_torchs_kernel_is_not_asked_because_it_would_run_item_by_item(monkeypatch):
    def asked(*_, **__):
        raise AssertionError("torch's kernel was called")

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", asked)
    with pytest.raises(AssertionError, match="was called"):
        run_node("Attention", [QUERY, KEY, VALUE], 24)
    images = torch.from_numpy(np.stack([QUERY, QUERY[::-1]]))
    found = torch.vmap(lambda query: run_node("Attention", [query, KEY, VALUE], 24))(images)
    assert found.shape == (2, 2, 4, 5, 6)


def test_both_ways_of_computing_give_the_same():
    alone = run_node("Attention", [QUERY, KEY, VALUE], 24, is_causal=1)
    shown, *_ = run_node("Attention", [QUERY, KEY, VALUE], 24, outputs=4, is_causal=1)
    np.testing.assert_allclose(alone, shown, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("interleaved", [0, 1])
@pytest.mark.parametrize("width", [0, 4])
def test_rotary_embedding_agrees_with_onnx(interleaved, width):
    caches = [values(20, (width or 8) // 2) for _ in range(2)]
    places = np.int64([[0, 3, 5], [7, 8, 9]])
    how = {"interleaved": interleaved, "rotary_embedding_dim": width}
    check_against(reference, "RotaryEmbedding", [values(2, 4, 3, 8), *caches, places], 23, **how)
    check_against(reference, "RotaryEmbedding", [values(2, 3, 32), *caches, places], 23, num_heads=4, **how)
    check_against(reference, "RotaryEmbedding", [values(2, 4, 3, 8), *(c[places] for c in caches)], 23, **how)


def test_a_quarter_turn_swaps_the_pair():
    x = np.float32([[[[1, 2, 3, 4]]]])
    cos, sin = np.zeros((1, 1, 2), np.float32), np.ones((1, 1, 2), np.float32)
    np.testing.assert_array_equal(run_node("RotaryEmbedding", [x, cos, sin], 23), [[[[-3, -4, 1, 2]]]])


def test_rotary_embedding_passes_exact_gradients_and_takes_vmap():
    inputs = [values(2, 2, 3, 4), values(2, 3, 2), values(2, 3, 2)]
    check_gradient("RotaryEmbedding", inputs, 23, interleaved=1)
    check_vmap("RotaryEmbedding", inputs, 23)
