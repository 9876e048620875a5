"""Attention as onnxruntime's transformer optimizer writes it, with its projections and its own kinds of masks."""

from typing import Any

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import MICROSOFT, Unsupported, operator
from viz.adapters.onnx_torch.operators._attention_core import Mask, Scoring, attend, merged_heads, split_heads
from viz.adapters.onnx_torch.operators.attention import rotated

MASKED = -10000.0  # what these operators add to the scores of hidden keys, where the node does not say


@operator("Attention", domain=MICROSOFT)
def attention(
    node: Node,
    x: Tensor,
    weights: Tensor,
    bias: Tensor | None = None,
    mask_index: Tensor | None = None,
    past: Tensor | None = None,
    attention_bias: Tensor | None = None,
    past_sequence_length: Tensor | None = None,
    *,
    num_heads: int,
    qkv_hidden_sizes: list[int] | None = None,
    unidirectional: int = 0,
    scale: float = 0.0,
    mask_filter_value: float = MASKED,
    do_rotary: int = 0,
    past_present_share_buffer: int = 0,
    rotary_embedding_dim: int = 0,
) -> tuple[Tensor, ...]:
    """x (b, n, c) projected to queries, keys and values by one matrix, then attention, (b, n, c of the values)."""
    if do_rotary or past_present_share_buffer or past_sequence_length is not None:
        raise Unsupported("com.microsoft Attention with rotation or a shared cache")
    projected = torch.matmul(x, weights)
    return projected_attention(
        node,
        projected if bias is None else torch.add(projected, bias),
        mask_index,
        past,
        attention_bias,
        num_heads=num_heads,
        sizes=qkv_hidden_sizes,
        scale=scale,
        causal=bool(unidirectional),
        hidden=mask_filter_value,
    )


def projected_attention(
    node: Node,
    projected: Tensor,
    mask_index: Tensor | None,
    past: Tensor | None,
    attention_bias: Tensor | None,
    *,
    num_heads: int,
    sizes: list[int] | None,
    scale: float,
    causal: bool,
    hidden: float,
) -> tuple[Tensor, ...]:
    """Attention from queries, keys and values side by side, (b, n, 3 c) or of the given sizes.

    `past` is the cache of keys and values (2, b, h, m, d); the second output is the cache with the new ones.
    """
    parts = torch.split(projected, sizes or [projected.shape[-1] // 3] * 3, -1)
    query, key, value = (split_heads(part, num_heads) for part in parts)
    if past is not None:
        key, value = torch.cat([past[0], key], 2), torch.cat([past[1], value], 2)
    mask = _mask(query, key, mask_index, attention_bias, causal, hidden)
    output, _ = attend(query, key, value, mask, Scoring(scale or None))
    if node.output_count == 1:
        return (merged_heads(output),)
    return merged_heads(output), torch.stack([key, value])


@operator("MultiHeadAttention", domain=MICROSOFT)
def multi_head_attention(
    node: Node,
    query: Tensor,
    key: Tensor | None = None,
    value: Tensor | None = None,
    bias: Tensor | None = None,
    key_padding_mask: Tensor | None = None,
    attention_bias: Tensor | None = None,
    past_key: Tensor | None = None,
    past_value: Tensor | None = None,
    *unsupported: Tensor | None,
    num_heads: int,
    unidirectional: int = 0,
    scale: float = 0.0,
    mask_filter_value: float = MASKED,
) -> tuple[Tensor, ...]:
    """Queries, keys and values (b, n, h·d), or packed (b, n, h, 3 or 2, d), plus their biases; gives (b, n, h·d).

    Keys and values may also have their heads apart, (b, h, m, d). The other outputs are keys and values with those
    of the cache before them, and the attention weights.
    """
    if any(extra is not None for extra in unsupported):
        raise Unsupported("MultiHeadAttention with a shared cache")
    query, key, value = _with_bias(_unpacked(query, key, value), bias)
    query, key, value = (t if t.dim() == 4 else split_heads(t, num_heads) for t in (query, key, value))
    key = key if past_key is None else torch.cat([past_key, key], 2)
    value = value if past_value is None else torch.cat([past_value, value], 2)
    mask = _mask(query, key, key_padding_mask, attention_bias, bool(unidirectional), mask_filter_value)
    wanted = 3 if node.output_count > 3 else None
    output, weights = attend(query, key, value, mask, Scoring(scale or None, shown=wanted))
    found = (merged_heads(output), key, value)
    return found if weights is None else (*found, weights)


def _unpacked(query: Tensor, key: Tensor | None, value: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Three tensors (b, n, h·d), or (b, h, n, d) where they came so."""
    if key is None:
        query, key, value = (part.flatten(2) for part in query.unbind(3))
    elif value is None:
        key, value = (part.flatten(2) for part in key.unbind(3))
    assert value is not None
    return query, key, value


def _with_bias(parts: tuple[Tensor, Tensor, Tensor], bias: Tensor | None) -> tuple[Tensor, ...]:
    if bias is None:
        return parts
    if any(part.dim() == 4 for part in parts):
        raise Unsupported("MultiHeadAttention with a bias for keys that have their heads apart")
    biases = torch.split(bias, [part.shape[-1] for part in parts])
    return tuple(torch.add(part, b) for part, b in zip(parts, biases, strict=True))


def _mask(query: Tensor, key: Tensor, given: Tensor | None, bias: Tensor | None, causal: bool, hidden: float) -> Mask:
    """What is added to the scores: the file's bias, and `hidden` for keys beyond those that the mask shows."""
    queries, keys = query.shape[2], key.shape[2]
    if given is not None:
        added = torch.where(_shown(given, len(query), keys), 0.0, hidden).to(query.dtype)
        bias = added if bias is None else bias + added
    if not causal:
        return Mask(bias=bias)
    ahead = torch.arange(keys, device=key.device)[None, :] - torch.arange(queries, device=key.device)[:, None]
    return Mask(ahead <= keys - queries, bias)


def _shown(mask: Tensor, batch: int, keys: int) -> Tensor:
    """A mask of zeros and ones, or of the keys' ends and starts, as booleans (b, 1, queries or 1, keys)."""
    if mask.dim() == 1:
        places = torch.arange(keys, device=mask.device)
        ends, *starts = mask.reshape(-1, batch, 1, 1, 1).unbind()
        if len(starts) > 1:
            raise Unsupported("masks of cumulated lengths")
        return places < ends if not starts else (places < ends) & (places >= starts[0])
    if mask.dim() == 4:
        raise Unsupported("masks with four axes")
    return (mask[:, None, None, :] if mask.dim() == 2 else mask[:, None]) != 0


@operator("RotaryEmbedding", domain=MICROSOFT)
def rotary_embedding(
    node: Node,
    x: Tensor,
    position_ids: Tensor,
    cos_cache: Tensor,
    sin_cache: Tensor,
    interleaved: int = 0,
    num_heads: int = 0,
    rotary_embedding_dim: int = 0,
    **unsupported: Any,
) -> Tensor:
    """Pairs of channels turned by an angle that grows with the position; (b, h, n, d) or (b, n, h·d).

    One position stands for that of the first token. The width of a head follows from the caches where the node
    does not give the number of heads.
    """
    if unsupported.get("is_packed_batching") or unsupported.get("scale", 1.0) != 1.0:
        raise Unsupported("com.microsoft RotaryEmbedding of packed batches or with a scale")
    heads = x if x.dim() == 4 else split_heads(x, num_heads or x.shape[-1] // (2 * cos_cache.shape[-1]))
    if position_ids.numel() == 1:
        position_ids = position_ids.reshape(1, 1) + torch.arange(heads.shape[2], device=x.device)
    cos, sin = (cache[position_ids].unsqueeze(1) for cache in (cos_cache, sin_cache))
    turned = rotated(heads, cos, sin, rotary_embedding_dim, bool(interleaved))
    return turned if x.dim() == 4 else merged_heads(turned)
