"""Colours that pictures are measured from: one value for all channels, or one for each, in [0, 1]."""

import torch
from torch import Tensor

Colour = float | tuple[float, ...]
MID_GRAY = 0.5


def as_picture(colour: Colour, like: Tensor) -> Tensor:
    """The colour as a tensor that goes with pictures (b, c, h, w), (1, c or 1, 1, 1)."""
    return torch.tensor(colour, dtype=like.dtype, device=like.device).view(1, -1, 1, 1)
