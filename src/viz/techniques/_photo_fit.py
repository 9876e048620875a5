"""A photo fitted to a model's input, as a linear map with a gradient: the torch twin of `core.fitting.fit_pixels`."""

from itertools import count
from math import floor

import torch
from torch import Tensor

from viz.core.fitting import box_of, weights_of
from viz.core.preprocess import Preprocess


class PhotoFit:
    """Pictures (b, 3, H, W) of one size -> what the model sees of them, (b, 3, h, w), any floating type.

    The same part of the picture and the same antialiased weights as `fit_pixels`, but nothing is rounded or
    clipped: the map is linear. `fit_pixels` rounds to 8 bits when the rows' pixels are scaled and again when
    the columns' are, so the two differ by up to 1/255 (1.3/255 for bicubic and Lanczos, whose weights are
    negative in part) and by more where those filters overshoot black or white.

    Attributes:
        size: height and width of the pictures.
        box: the part of them that the model sees.
        is_crop: True where values are copied from there one by one, without any resampling.
    """

    def __init__(self, size: tuple[int, int], preprocess: Preprocess, device: torch.device | str = "cpu"):
        self.size, self.box = size, box_of(size, preprocess)
        rows, columns = preprocess.size
        # Where nothing is scaled, boxes lie on whole pixels.
        self.is_crop = (self.box.bottom - self.box.top, self.box.right - self.box.left) == (rows, columns)
        down = weights_of(self.box.top, self.box.bottom, rows, size[0], preprocess.interpolation)
        across = weights_of(self.box.left, self.box.right, columns, size[1], preprocess.interpolation)
        self._rows = torch.from_numpy(down).to(device)  # (h, H)
        self._columns = torch.from_numpy(across).to(device)  # (w, W)

    def __call__(self, pictures: Tensor) -> Tensor:
        """(b, 3, H, W) -> (b, 3, h, w); raises `ValueError` for pictures of another size."""
        if tuple(pictures.shape[-2:]) != self.size:
            raise ValueError(f"made for pictures of {self.size}, given {tuple(pictures.shape[-2:])}")
        if self.is_crop:
            top, left = int(self.box.top), int(self.box.left)
            return pictures[..., top : int(self.box.bottom), left : int(self.box.right)]
        return self._rows.to(pictures) @ pictures @ self._columns.to(pictures).T


def own_size(preprocess: Preprocess) -> tuple[int, int]:
    """Height and width of the smallest picture that the model sees pixel for pixel, cropped but not resampled.

    There always is one: the short side before a centre crop, or for a central part p of each side the
    smallest n that gives the model's side when n * p is rounded (n * p grows by at most one at a time).
    """
    rows, columns = preprocess.size
    if preprocess.crop == "none":
        return rows, columns
    if preprocess.crop == "center":
        short = preprocess.resize_short
        return (rows, columns) if short is None else (short, short)
    return _side_before(rows, float(preprocess.crop)), _side_before(columns, float(preprocess.crop))


def _side_before(side: int, part: float) -> int:
    first = max(side, floor((side - 0.5) / part) - 1)  # no smaller one rounds to as much
    return next(n for n in count(first) if round(n * part) == side)
