"""What is done to a picture between steps so that only what matters stays: blur it, set small pixels to gray.

All take pictures (b, c, h, w) in [0, 1] and give new ones. `gray` may be any colour, such as the one that a model
takes as zero. Source: Yosinski et al. 2015, arXiv 1506.06579, section 3.
"""

from math import ceil

import torch
from torch import Tensor
from torch.nn import functional

from viz.core.errors import UsageError
from viz.techniques.synthesis._colours import MID_GRAY, Colour, as_picture


def blur(pictures: Tensor, radius: float) -> Tensor:
    """Gaussian blur; `radius` is the standard deviation in pixels. Mirrored at the edges, so a flat picture stays."""
    if radius < 0:
        raise UsageError(f"a blur of radius {radius:g}", "take 0 or more pixels")
    if radius == 0:
        return pictures
    return _blurred(_blurred(pictures, radius, 2), radius, 3)


def clip_small_norm(pictures: Tensor, share: float, gray: Colour = MID_GRAY) -> Tensor:
    """Set the pixels that are nearest to gray, at most `share` of them, to gray.

    Measured by the root of the sum of squares over channels. Of pixels that are equally near, either all or none are.
    """
    return _cleared(pictures, (pictures - as_picture(gray, pictures)).square().sum(1), share, gray)


def clip_small_contribution(pictures: Tensor, gradient: Tensor, share: float, gray: Colour = MID_GRAY) -> Tensor:
    """Set the pixels to gray for which it changes the objective least, at most `share` of them.

    The change is estimated from the objective's gradient, (b, c, h, w): | sum over channels of (pixel - gray) *
    gradient |. Of pixels that contribute the same, either all or none are set.
    """
    return _cleared(pictures, ((pictures - as_picture(gray, pictures)) * gradient).sum(1).abs(), share, gray)


def _cleared(pictures: Tensor, sizes: Tensor, share: float, gray: Colour) -> Tensor:
    """Pictures with their smallest pixels set to gray; sizes (b, h, w)."""
    if not 0 <= share <= 1:
        raise UsageError(f"a share of {share:g} of the pixels", "take 0 to 1")
    flat = sizes.flatten(1)
    count = int(share * flat.shape[1] + 1e-6)  # 0.29 of 100 is 29, not 28.999…
    if count == flat.shape[1]:
        small = torch.ones_like(sizes, dtype=torch.bool)
    else:
        small = sizes < flat.kthvalue(count + 1, dim=1).values.view(-1, 1, 1)
    return torch.where(small[:, None], as_picture(gray, pictures), pictures)


def _blurred(pictures: Tensor, radius: float, axis: int) -> Tensor:
    """Blurred along one axis."""
    kernel = _gaussian(radius).to(pictures)
    reach, length = len(kernel) // 2, pictures.shape[axis]
    shape = [1, 1, -1, 1] if axis == 2 else [1, 1, 1, -1]
    rows = _mirrored(length, reach).to(pictures.device)
    wide = pictures.index_select(axis, rows).flatten(0, 1)[:, None]  # each channel of each picture by itself
    return functional.conv2d(wide, kernel.view(shape)).view(pictures.shape)


def _gaussian(radius: float) -> Tensor:
    reach = ceil(4 * radius)  # what lies beyond is less than a ten-thousandth
    weights = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float64) / radius).square())
    return weights / weights.sum()


def _mirrored(length: int, reach: int) -> Tensor:
    """Indices from -reach to length + reach, mirrored at both ends as often as needed: … 1 0 | 0 1 … n | n …"""
    places = torch.arange(-reach, length + reach) % (2 * length)
    return torch.minimum(places, 2 * length - 1 - places)
