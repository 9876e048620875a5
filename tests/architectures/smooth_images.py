"""Images at which a network's gradient can be compared: none of its rectifiers and pools is about to switch.

Where a rectifier's input is nearer to 0 than rounding reaches, two correct programs give different gradients.
"""

from copy import deepcopy

import torch
from torch import Tensor, nn

from tests.architectures import Architecture

NUDGE, NUDGES, STEADY = 2e-6, 6, 5e-5


def smooth_images(architecture: Architecture, network: nn.Module, count: int) -> Tensor:
    """The first `count` of the architecture's images, (count, 3, h, w), whose gradients stand nudging by 2e-6."""
    exact = deepcopy(network).double()
    found: list[Tensor] = []
    for image in architecture.images(20 * count):
        if _gradient_is_steady(exact, image.double()):
            found.append(image)
        if len(found) == count:
            return torch.stack(found)
    raise ValueError(f"only {len(found)} of {20 * count} images have a steady gradient")


def _gradient_is_steady(network: nn.Module, image: Tensor) -> bool:
    generator = torch.Generator().manual_seed(11)
    nudges = NUDGE * torch.randn(NUDGES, *image.shape, generator=generator, dtype=image.dtype)
    images = torch.cat([image[None], image + nudges]).requires_grad_()
    value = network(images)
    weights = torch.randn(value.shape[1:], generator=generator, dtype=value.dtype)
    (gradient,) = torch.autograd.grad((value * weights).sum(), images)
    moved = (gradient[1:] - gradient[0]).flatten(1).norm(dim=1)
    return bool((moved < STEADY * gradient[0].norm()).all())
