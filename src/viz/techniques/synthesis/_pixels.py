"""Pictures whose pixels themselves are optimized, kept in [0, 1] by a box or by a sigmoid."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from viz.techniques.synthesis._natural_colours import EDGE, to_gray


class Pixels:
    """Parameters that are a picture's values, or what they are the sigmoid of.

    `start` is (b, 3, h, w) in [0, 1]; the pictures begin with its values, for `sigmoid` clipped to [0.01, 0.99].
    With `box`, a step that leaves [0, 1] ends at its edge. With `gray`, one plane is optimized for all three
    channels, and `start` is turned to gray.
    """

    def __init__(self, start: Tensor, squash: Literal["box", "sigmoid"] = "box", gray: bool = False):
        planes = to_gray(start.detach()) if gray else start.detach()
        self._squash = squash
        self.count, self.size = len(start), (start.shape[2], start.shape[3])
        self._values = (planes.clamp(0, 1) if squash == "box" else torch.logit(planes, EDGE)).clone()
        self._values.requires_grad_()

    @property
    def tensors(self) -> Sequence[Tensor]:
        """The values, (b, 3 or 1, h, w)."""
        return [self._values]

    def pictures(self) -> Tensor:
        """(b, 3, h, w) in [0, 1]."""
        planes = self._values if self._squash == "box" else self._values.sigmoid()
        return planes.expand(-1, 3, -1, -1)

    def after_step(self) -> None:
        """Back into the box."""
        if self._squash == "box":
            with torch.no_grad():
                self._values.clamp_(0, 1)
