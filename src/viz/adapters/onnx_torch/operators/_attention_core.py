"""Scaled dot-product attention shared by the standard's and onnxruntime's operators: heads, masks, softmax."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from viz.adapters.onnx_torch.element_types import HALF
from viz.adapters.onnx_torch.operators._vmap import is_batched


@dataclass(frozen=True)
class Mask:
    """Which keys a query sees (`allowed`, bool) and what is added to its scores (`bias`, where -inf hides a key too).

    Each broadcasts to (b, h, queries, keys); None stands for all keys, and for nothing added.
    """

    allowed: Tensor | None = None
    bias: Tensor | None = None

    def intersected(self, allowed: Tensor | None) -> "Mask":
        """The keys that are seen by both."""
        if allowed is None or self.allowed is None:
            return Mask(self.allowed if allowed is None else allowed, self.bias)
        return Mask(self.allowed & allowed, self.bias)

    def seen(self) -> Tensor | None:
        """The keys that take part, None for all."""
        if self.bias is None:
            return self.allowed
        return self.intersected(~torch.isneginf(self.bias)).allowed

    def added(self, dtype: torch.dtype) -> Tensor | None:
        """The whole mask as what is added to the scores, or as booleans where nothing but hiding is asked for."""
        if self.bias is None or self.allowed is None:
            return self.allowed if self.bias is None else self.bias.to(dtype)
        return torch.where(self.allowed, self.bias.to(dtype), -torch.inf)


@dataclass(frozen=True)
class Scoring:
    """How scores are made of queries and keys.

    Attributes:
        scale: factor of the dot products; None: one over the root of the channels of a head.
        softcap: scores are squeezed into (-softcap, softcap) by tanh; 0: they are not.
        precision: the type in which softmax is computed; None: that of the queries.
        shown: which scores are wanted besides the output: 0 dot products, 1 after the soft cap, 2 after the mask,
            3 after softmax; None: none.
    """

    scale: float | None = None
    softcap: float = 0.0
    precision: torch.dtype | None = None
    shown: int | None = None


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(b, n, h·d) -> (b, h, n, d)."""
    return x.reshape(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def merged_heads(x: Tensor) -> Tensor:
    """(b, h, n, d) -> (b, n, h·d)."""
    return x.transpose(1, 2).flatten(2)


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Mask = Mask(),
    scoring: Scoring = Scoring(),
) -> tuple[Tensor, Tensor | None]:
    """Values weighted by how well their keys match the queries, (b, h, n, d), and the scores where they are wanted.

    A query that sees no key gives zeros and passes no gradient.
    """
    added = mask.added(query.dtype)
    if not _fits_torch(scoring, query.dtype) or any(is_batched(t) for t in (query, key, value, added) if t is not None):
        return _written_out(query, key, value, mask, scoring)
    if added is not None:
        added = _four_axes(added, query.shape[2], key.shape[2])
    return functional.scaled_dot_product_attention(query, key, value, added, scale=scoring.scale), None


def _fits_torch(scoring: Scoring, dtype: torch.dtype) -> bool:
    """Whether torch's own kernel means the same.

    It has no batching rule for vmap either, where it would run item by item, and does not round the scores of
    half precision, as the standard does.
    """
    plain = not scoring.softcap and scoring.shown is None and scoring.precision in (None, dtype)
    return plain and dtype not in HALF


def _written_out(
    query: Tensor, key: Tensor, value: Tensor, mask: Mask, scoring: Scoring
) -> tuple[Tensor, Tensor | None]:
    # Both factors are scaled by the root, as the standard says: their product may overflow in half precision.
    scale = query.shape[-1] ** -0.5 if scoring.scale is None else scoring.scale
    root = scale**0.5
    raw = torch.matmul(query * root, (key * root).transpose(-1, -2))
    capped = scoring.softcap * torch.tanh(raw / scoring.softcap) if scoring.softcap else raw
    weights = _softmax(capped, mask, scoring.precision).to(query.dtype)
    output = torch.matmul(weights, value)
    if scoring.shown is None:
        return output, None
    return output, (raw, capped, _masked(capped, mask, -torch.inf), weights)[scoring.shown].to(query.dtype)


def _softmax(scores: Tensor, mask: Mask, precision: torch.dtype | None) -> Tensor:
    """Softmax over the keys that are seen; zeros, with zero gradient, where none is."""
    scores = scores if precision is None else scores.to(precision)
    # The least finite number rather than -inf: softmax of nothing but -inf has no value and no gradient.
    weights = torch.softmax(_masked(scores, mask, torch.finfo(scores.dtype).min), -1)
    seen = mask.seen()
    return weights if seen is None else torch.where(seen.any(-1, keepdim=True), weights, 0.0)


def _masked(scores: Tensor, mask: Mask, hidden: float) -> Tensor:
    seen = mask.seen()
    if mask.bias is not None:
        scores = scores + torch.where(torch.isneginf(mask.bias), 0.0, mask.bias)
    return scores if seen is None else torch.where(seen, scores, hidden)


def _four_axes(mask: Tensor, queries: int, keys: int) -> Tensor:
    whole = mask.expand(*mask.shape[:-2], queries, keys)
    return whole.reshape((1,) * (4 - whole.dim()) + whole.shape)
