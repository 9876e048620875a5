"""Attention of the ONNX standard: heads, caches and masks laid out for `_attention_core`; rotary position embedding."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator
from viz.adapters.onnx_torch.operators._attention_core import Mask, Scoring, attend, merged_heads, split_heads


@operator("Attention", since=23)
def attention(
    node: Node,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    past_key: Tensor | None = None,
    past_value: Tensor | None = None,
    nonpad_kv_seqlen: Tensor | None = None,
    is_causal: int = 0,
    q_num_heads: int = 0,
    kv_num_heads: int = 0,
    scale: float | None = None,
    softcap: float = 0.0,
    softmax_precision: int | None = None,
    qk_matmul_output_mode: int = 0,
    left_window_size: int = -1,
    right_window_size: int = -1,
) -> tuple[Tensor, ...]:
    """Heads (b, h, n, d), or (b, n, h·d) with the numbers of heads given; a query that may see no key gives zeros."""
    flat = query.dim() == 3
    if flat:
        query = split_heads(query, q_num_heads)
        key, value = split_heads(key, kv_num_heads), split_heads(value, kv_num_heads)
    key = key if past_key is None else torch.cat([past_key, key], 2)
    value = value if past_value is None else torch.cat([past_value, value], 2)
    grid = _Grid.of(query, key, past_key, nonpad_kv_seqlen)
    mask = _given_mask(attn_mask, key.shape[2])
    for allowed in (
        grid.window(left_window_size, 0 if is_causal else right_window_size),
        _unpadded(nonpad_kv_seqlen, key.shape[2]),
    ):
        mask = mask.intersected(allowed)
    precision = None if softmax_precision is None else node.types.dtype(softmax_precision)
    scoring = Scoring(scale, softcap, precision, qk_matmul_output_mode if node.output_count > 3 else None)
    groups = query.shape[1] // key.shape[1]
    output, scores = attend(query, _repeated(key, groups), _repeated(value, groups), mask, scoring)
    output = merged_heads(output) if flat else output
    return (output, key, value, scores)[: node.output_count] if scores is not None else (output, key, value)


@dataclass(frozen=True)
class _Grid:
    """Where queries and keys stand: `ahead[..., i, j]` is how far key j lies ahead of query i."""

    ahead: Tensor

    @classmethod
    def of(cls, query: Tensor, key: Tensor, past_key: Tensor | None, valid_keys: Tensor | None) -> "_Grid":
        """A query stands behind the keys of the cache: those of `past_key`, or the valid ones but its own block."""
        rows = torch.arange(query.shape[2], device=query.device)[:, None]
        columns = torch.arange(key.shape[2], device=query.device)[None, :]
        if past_key is not None:
            return cls(columns - rows - past_key.shape[2])
        if valid_keys is not None:
            return cls(columns - rows - (valid_keys.reshape(-1, 1, 1, 1) - query.shape[2]))
        return cls(columns - rows)

    def window(self, left: int, right: int) -> Tensor | None:
        """True for keys at most `left` behind and `right` ahead of the query; negative bounds are none."""
        behind = None if left < 0 else self.ahead >= -left
        ahead = None if right < 0 else self.ahead <= right
        return ahead if behind is None else behind if ahead is None else behind & ahead


def _given_mask(mask: Tensor | None, keys: int) -> Mask:
    """The mask of the file; keys beyond its end are not seen."""
    if mask is None:
        return Mask()
    missing = keys - mask.shape[-1]
    if mask.dtype == torch.bool:
        return Mask(allowed=functional.pad(mask, [0, missing], value=False))
    return Mask(bias=functional.pad(mask, [0, missing], value=-torch.inf))


def _unpadded(valid_keys: Tensor | None, keys: int) -> Tensor | None:
    if valid_keys is None:
        return None
    return torch.arange(keys, device=valid_keys.device) < valid_keys.reshape(-1, 1, 1, 1)


def _repeated(heads: Tensor, times: int) -> Tensor:
    """Each head `times` in a row: grouped queries share keys and values."""
    return heads if times == 1 else heads.repeat_interleave(times, 1)


@operator("RotaryEmbedding", since=23)
def rotary_embedding(
    node: Node,
    x: Tensor,
    cos_cache: Tensor,
    sin_cache: Tensor,
    position_ids: Tensor | None = None,
    interleaved: int = 0,
    rotary_embedding_dim: int = 0,
    num_heads: int = 0,
) -> Tensor:
    """Pairs of channels turned by an angle that grows with the position; (b, h, n, d) or (b, n, h·d)."""
    if position_ids is not None:
        cos_cache, sin_cache = cos_cache[position_ids], sin_cache[position_ids]
    heads = split_heads(x, num_heads) if x.dim() == 3 else x
    turned = rotated(heads, cos_cache.unsqueeze(1), sin_cache.unsqueeze(1), rotary_embedding_dim, bool(interleaved))
    return merged_heads(turned) if x.dim() == 3 else turned


def rotated(heads: Tensor, cos: Tensor, sin: Tensor, width: int, interleaved: bool) -> Tensor:
    """The first `width` channels (0: all) of (b, h, n, d) rotated; the partner of a channel is half of them away, or
    next to it where they are interleaved. cos and sin (b, 1, n, width / 2)."""
    width = width or heads.shape[-1]
    turning, resting = heads[..., :width], heads[..., width:]
    first, second = (turning[..., 0::2], turning[..., 1::2]) if interleaved else turning.chunk(2, -1)
    real, imaginary = cos * first - sin * second, sin * first + cos * second
    turned = torch.stack([real, imaginary], -1).flatten(-2) if interleaved else torch.cat([real, imaginary], -1)
    return torch.cat([turned, resting], -1) if resting.shape[-1] else turned
