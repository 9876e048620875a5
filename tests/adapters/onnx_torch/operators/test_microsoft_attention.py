"""onnxruntime's attention with all its kinds of masks, caches and projections."""

import numpy as np
import pytest
import torch

from tests.adapters.onnx_torch.single_node import check_against, check_gradient, check_vmap, onnxruntime, run_node
from viz.adapters.onnx_torch.operator_table import MICROSOFT, Unsupported

random = np.random.default_rng(0)
HEADS, TOKENS, WIDTH = 4, 5, 16
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def values(*shape):
    return random.standard_normal(shape).astype(np.float32)


X, WEIGHTS, BIAS = values(2, TOKENS, WIDTH), values(WIDTH, 3 * WIDTH) * 0.3, values(3 * WIDTH)
QUERY, KEY, VALUE = values(2, TOKENS, WIDTH), values(2, 7, WIDTH), values(2, 7, WIDTH)


def check(name, inputs, outputs=1, **attributes):
    check_against(onnxruntime, name, inputs, 1, MICROSOFT, outputs, num_heads=HEADS, **CLOSE, **attributes)


@pytest.mark.parametrize(
    "mask",
    [
        None,
        np.int32([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]),
        np.int32([3, 5]),
        np.int32([4, 5, 1, 0]),
        random.integers(0, 2, (2, TOKENS, TOKENS)).astype(np.int32),
    ],
    ids=["none", "of keys", "lengths", "ends and starts", "of pairs"],
)
@pytest.mark.parametrize("causal", [0, 1])
def test_masks_agree_with_onnxruntime(mask, causal):
    check("Attention", [X, WEIGHTS, BIAS, mask], unidirectional=causal)


@pytest.mark.parametrize("shape", [(2, HEADS, TOKENS, TOKENS), (1, 1, TOKENS, TOKENS)], ids=str)
def test_added_scores_and_a_scale_agree_with_onnxruntime(shape):
    check("Attention", [X, WEIGHTS, BIAS, None, None, values(*shape)], scale=0.3)


def test_a_cache_agrees_with_onnxruntime():
    inputs = [X, WEIGHTS, BIAS, None, values(2, 2, HEADS, 3, WIDTH // HEADS)]
    check("Attention", inputs, outputs=2, unidirectional=1)


def test_values_of_another_width_agree_with_onnxruntime():
    check("Attention", [X, values(WIDTH, 40) * 0.3, values(40)], qkv_hidden_sizes=[8, 8, 24])


@pytest.mark.parametrize("how", [{"do_rotary": 1}, {"past_present_share_buffer": 1}], ids=str)
def test_what_is_not_covered_is_refused(how):
    with pytest.raises(Unsupported, match="rotation or a shared cache"):
        run_node("Attention", [X, WEIGHTS, BIAS], 1, MICROSOFT, num_heads=HEADS, **how)


@pytest.mark.parametrize(
    "mask",
    [
        None,
        np.int32([4, 7]),
        random.integers(0, 2, (2, 7)).astype(np.int32),
        random.integers(0, 2, (2, TOKENS, 7)).astype(np.int32),
    ],
    ids=["none", "lengths", "of keys", "of pairs"],
)
@pytest.mark.parametrize("bias", [None, BIAS], ids=["", "bias"])
def test_multi_head_attention_agrees_with_onnxruntime(mask, bias):
    check("MultiHeadAttention", [QUERY, KEY, VALUE, bias, mask])


def test_multi_head_attention_with_everything_agrees_with_onnxruntime():
    same = [QUERY, values(2, TOKENS, WIDTH), values(2, TOKENS, WIDTH)]
    cache = [values(2, HEADS, 3, 4), values(2, HEADS, 3, 4)]
    check("MultiHeadAttention", same, unidirectional=1)
    check("MultiHeadAttention", [*same, None, None, None, *cache], outputs=3)
    check("MultiHeadAttention", [QUERY, KEY, VALUE, None, None, values(1, HEADS, TOKENS, 7)], scale=0.4)
    check("MultiHeadAttention", [QUERY, values(2, HEADS, 7, 4), values(2, HEADS, 7, 4)])
    check("MultiHeadAttention", [QUERY, KEY, values(2, 7, 24)])


def test_packed_inputs_are_their_parts():
    def packed(*parts):
        return np.stack([p.reshape(2, -1, HEADS, WIDTH // HEADS) for p in parts], 3)

    apart = run_node("MultiHeadAttention", [QUERY, KEY, VALUE, BIAS], 1, MICROSOFT, num_heads=HEADS)
    two = run_node("MultiHeadAttention", [QUERY, packed(KEY, VALUE), None, BIAS], 1, MICROSOFT, num_heads=HEADS)
    torch.testing.assert_close(two, apart)
    apart = run_node("MultiHeadAttention", [QUERY, QUERY, QUERY, BIAS], 1, MICROSOFT, num_heads=HEADS)
    one = run_node("MultiHeadAttention", [packed(QUERY, QUERY, QUERY), None, None, BIAS], 1, MICROSOFT, num_heads=HEADS)
    torch.testing.assert_close(one, apart)


def test_the_fourth_output_is_the_weights():
    *_, weights = run_node("MultiHeadAttention", [QUERY, KEY, VALUE], 1, MICROSOFT, outputs=4, num_heads=HEADS)
    assert weights.shape == (2, HEADS, TOKENS, 7)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, HEADS, TOKENS))


@pytest.mark.parametrize("interleaved", [0, 1])
def test_rotary_embedding_agrees_with_onnxruntime(interleaved):
    caches, places = [values(10, 4), values(10, 4)], np.int64([[0, 1, 2], [4, 5, 6]])
    for inputs, how in [
        ([values(2, 3, 16), places, *caches], {}),
        ([values(2, 3, 16), np.int64([2]), *caches], {}),
        ([values(2, 2, 3, 16), places, *caches], {"rotary_embedding_dim": 8, "num_heads": 2}),
    ]:
        check_against(onnxruntime, "RotaryEmbedding", inputs, 1, MICROSOFT, interleaved=interleaved, **how)


def test_gradients_agree_with_central_differences():
    mask = np.int32([[1, 1, 0]])
    check_gradient("Attention", [values(1, 3, 4), values(4, 12), values(12), mask], 1, MICROSOFT, num_heads=2)
    inputs = [values(1, 3, 4), values(1, 2, 4), values(1, 2, 4), values(12)]
    check_gradient("MultiHeadAttention", inputs, 1, MICROSOFT, num_heads=2)


def test_a_vmapped_batch_equals_the_loop():
    check_vmap("Attention", [X, WEIGHTS, BIAS, np.int32([3, 5])], 1, MICROSOFT, num_heads=HEADS)
    check_vmap("MultiHeadAttention", [QUERY, KEY, VALUE], 1, MICROSOFT, num_heads=HEADS, mapped=[0, 1, 2])
