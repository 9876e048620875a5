"""How far a bounded attack may go: a ball around the image in the L-infinity or L2 norm."""

from dataclasses import dataclass
from math import floor
from typing import Literal

import torch
from torch import Tensor

from viz.techniques.attack._attack import norms, per_image

Norm = Literal["linf", "l2"]

_TINY = 1e-12
_TYPED = 0.01  # of a level: 0.00784 means 2/255
_ROUNDS = 20  # halvings in the search for the largest scale that stays inside


@dataclass(frozen=True)
class Ball:
    """Perturbations whose norm is at most `radius`, in pixel values of [0, 1]."""

    norm: Norm
    radius: float

    def steepest(self, gradients: Tensor) -> Tensor:
        """Steps of length 1 in this norm along which a linear function grows fastest, in the form of (b, 3, H, W)."""
        if self.norm == "linf":
            return gradients.sign()
        steps: Tensor = gradients / per_image(norms(gradients).clamp_min(_TINY))
        return steps

    def inside(self, perturbations: Tensor) -> Tensor:
        """The nearest perturbations in the ball."""
        if self.norm == "linf":
            return perturbations.clamp(-self.radius, self.radius)
        return perturbations * per_image((self.radius / norms(perturbations).clamp_min(_TINY)).clamp_max(1.0))

    def inside_in_levels(self, levels: Tensor) -> Tensor:
        """Perturbations in whole levels of 1/255 that are in the ball: clipped, or scaled down and rounded again."""
        if self.norm == "linf":
            most = floor(self.radius * 255 + _TYPED)
            return levels.clamp(-most, most)
        radius = self.radius * 255 * (1 + 1e-6)
        low, high = torch.zeros(len(levels)).to(levels), torch.ones(len(levels)).to(levels)
        for _ in range(_ROUNDS):
            middle = (low + high) / 2
            fits = norms((levels * per_image(middle)).round()) <= radius
            low, high = torch.where(fits, middle, low), torch.where(fits, high, middle)
        scale = torch.where(norms(levels) <= radius, torch.ones_like(low), low)
        inside: Tensor = (levels * per_image(scale)).round()
        return inside

    def random_start(self, shape: torch.Size, generator: torch.Generator) -> Tensor:
        """One perturbation (3, H, W), uniform in the ball."""
        if self.norm == "linf":
            return (torch.rand(shape, generator=generator) * 2 - 1) * self.radius
        direction = torch.randn(shape, generator=generator)
        length = torch.rand((), generator=generator).pow(1 / direction.numel())
        start: Tensor = direction / torch.linalg.vector_norm(direction) * self.radius * length
        return start
