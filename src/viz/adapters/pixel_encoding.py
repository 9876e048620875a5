"""Preprocessing as torch operations: `Preprocess.encode` with a gradient, for every adapter that traces."""

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

from viz.core.preprocess import Preprocess


def encode(pixels: Tensor, preprocess: Preprocess, whole_numbers: bool = False) -> Tensor:
    """Pixels (b, 3, h, w) in [0, 1] as the model's input values in the model's layout, on the same device.

    The values are those of `Preprocess.encode`, to the last bits, and the gradient is that of the
    arithmetic. With `whole_numbers` the values are rounded and the gradient passes as if they were not. To
    the rules of the backward pass all of it is one operation, for which they have one rule
    (`backward_rules.relevance`): call it where they are applied.
    """
    if has_torch_function((pixels,)):
        found: Tensor = handle_torch_function(encode, (pixels,), pixels, preprocess, whole_numbers)
        return found
    weights, offset = (torch.from_numpy(part).to(pixels) for part in preprocess.matrix())
    values = _mixed(pixels, weights, preprocess) + offset[:, None, None]
    if whole_numbers:
        values = values + (values.round() - values).detach()
    return _in_layout(values, preprocess)


def made_of(pixels: Tensor, preprocess: Preprocess) -> Tensor:
    """Each input value's pixels, weighted by their shares in it, in the model's layout: the way of relevance.

    Shares are at least 0 and sum to 1, whatever scale and mean; a channel that holds no pixel has none.
    """
    weights = torch.from_numpy(abs(preprocess.matrix()[0])).to(pixels)
    totals = weights.sum(dim=1, keepdim=True)
    shares = weights / torch.where(totals == 0, 1.0, totals)
    return _in_layout(torch.einsum("kc,bchw->bkhw", shares, pixels), preprocess)


def _in_layout(values: Tensor, preprocess: Preprocess) -> Tensor:
    """Values (b, c, h, w) with their axes as the model wants them."""
    return values if preprocess.layout == "nchw" else values.permute(0, 2, 3, 1).contiguous()


def _mixed(pixels: Tensor, weights: Tensor, preprocess: Preprocess) -> Tensor:
    """The model's channels before the offset is added."""
    if preprocess.channels in ("rgb", "bgr"):  # a permutation: cheaper than the general product
        ordered = pixels if preprocess.channels == "rgb" else pixels.flip(1)
        return ordered * weights.sum(dim=1)[:, None, None]
    return torch.einsum("kc,bchw->bkhw", weights, pixels)
