"""Penalties read from a model's values: how alike the pictures of a batch are there, and what other classes score."""

import torch
from torch import Tensor

from viz.core.errors import UsageError

_NEXT_TO_NOTHING = 1e-12  # of a mean square of 1


def diversity(values: Tensor) -> Tensor:
    """Each picture's mean cosine similarity to the other pictures of the batch, (b,) in [0, 1]; 1 is all alike.

    Compared are Gram matrices, which say what channels occur together, and not where. Values are (b, c, h, w),
    (b, tokens, c) or (b, c); where all of a picture's are 0, it is like no other. Raises `UsageError` for a
    single picture. Source: Olah et al. 2017, "Feature Visualization", section Diversity.
    """
    if len(values) < 2:
        raise UsageError("one picture has no others to differ from", "ask for several starts, such as --starts 4")
    alike = _products(_of_one_size(_places(values)))
    lengths = alike.diagonal().clamp_min(_NEXT_TO_NOTHING).sqrt()
    cosines = alike / (lengths[:, None] * lengths)
    others = ~torch.eye(len(values), dtype=torch.bool, device=values.device)
    return (cosines * others).sum(1) / (len(values) - 1)


def other_classes(logits: Tensor, indices: Tensor) -> Tensor:
    """The logarithm of the sum of exponentials of all other classes' scores, from (b, k) before softmax, (b,).

    A class's score minus this is the logarithm of p / (1 - p), p being its probability: what decides between
    the class and the rest. So it pushes those down that compete, in proportion to their probability, while a
    mean over all would push as hard on a thousand that do not. Raises `UsageError` where there is one class.
    """
    if logits.shape[1] < 2:
        raise UsageError("the model has one class, and so no others to hold down", "leave the penalty out")
    return logits.scatter(1, indices[:, None], -torch.inf).logsumexp(1)


def _places(values: Tensor) -> Tensor:
    """Values as (b, places, c)."""
    if values.dim() == 4:
        return values.flatten(2).transpose(1, 2)
    return values if values.dim() == 3 else values[:, None]


def _of_one_size(places: Tensor) -> Tensor:
    """Divided by each picture's root mean square, a constant to the gradient: cosines do not depend on it."""
    size = places.detach().square().mean((1, 2), keepdim=True).sqrt()
    return places / size.clamp_min(torch.finfo(places.dtype).tiny)


def _products(places: Tensor) -> Tensor:
    """Inner products of the Gram matrices of all pairs, (b, b).

    <A'A, B'B> is also the sum of squares of AB', which is the smaller one where places are fewer than channels.
    """
    _, count, channels = places.shape
    if count < channels:
        return torch.einsum("inc,jmc->ijnm", places, places).square().sum((2, 3)) / count**2
    grams = (places.transpose(1, 2) @ places / count).flatten(1)
    return grams @ grams.T
