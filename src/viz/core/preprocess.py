"""From a picture's pixels to a model's input: resize and crop, then colour order, range, mean and std."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from viz.core.errors import UsageError
from viz.core.result import FloatArray

Channels = Literal["rgb", "bgr", "gray", "rgba"]
Layout = Literal["nchw", "nhwc"]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos", "box"]
Crop = Literal["center", "none"] | float

GRAY_WEIGHTS = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow and OpenCV convert


@dataclass(frozen=True)
class Preprocess:
    """How a model wants its images.

    Attributes:
        size: height and width of the model's input, in pixels.
        crop: "center" scales the short side to `resize_short` and cuts `size` out of the middle;
            "none" stretches the whole image to `size`; a number keeps that central part of each
            side (0.875: TensorFlow's evaluation crop) and stretches it to `size`.
        resize_short: length of the short side before a centre crop; None: just large enough.
        channels, layout: what the model's input tensor holds and in which order.
        range: what pixel values 0 and 1 become, before mean and std.
        mean, std: per channel in the model's own channel order, in units of `range`.
        origin: for every field, where its value was found.
    """

    size: tuple[int, int]
    crop: Crop = "none"
    resize_short: int | None = None
    interpolation: Interpolation = "bilinear"
    channels: Channels = "rgb"
    layout: Layout = "nchw"
    range: tuple[float, float] = (0.0, 1.0)
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    origin: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        _check_choice("channels", self.channels, get_args(Channels))
        _check_choice("layout", self.layout, get_args(Layout))
        _check_choice("interpolation", self.interpolation, get_args(Interpolation))
        if any(side < 1 for side in self.size):
            raise UsageError(f"size is {self.size}", "give height and width of at least 1 pixel")
        if any(s == 0 or math.isnan(s) for s in self.std):
            raise UsageError(f"std is {self.std}: dividing by it is not possible", "give --std without zeros")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, self.channel_count):
                raise UsageError(
                    f"{name} has {len(values)} values for {self.channel_count} channel(s) ({self.channels})",
                    f"give --{name} with 1 or {self.channel_count} values, or another --channels",
                )
        self._check_crop()

    def _check_crop(self) -> None:
        if isinstance(self.crop, float | int):
            if not 0 < self.crop <= 1:
                raise UsageError(f"crop is {self.crop}", "give center, none, or a part of each side above 0, up to 1")
        else:
            _check_choice("crop", self.crop, ("center", "none"))
        if self.crop == "center" and self.resize_short is not None and self.resize_short < max(self.size):
            raise UsageError(
                f"resize_short is {self.resize_short}, smaller than the {self.size[0]}x{self.size[1]} crop",
                "give a larger --resize-short, or --crop none",
            )

    @property
    def channel_count(self) -> int:
        """How many channels the model's input has."""
        return {"gray": 1, "rgb": 3, "bgr": 3, "rgba": 4}[self.channels]

    def matrix(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(c, 3) and (c,): the model's channels as a linear function of RGB pixels in [0, 1].

        `input = matrix @ rgb + offset`: colour order, range, mean and std in one step, so that it is
        the same arithmetic in numpy and in torch, and its transpose takes gradients back to pixels.
        """
        mix, constant = _COLOURS[self.channels]
        low, high = self.range
        scale = (high - low) / np.broadcast_to(self.std, (self.channel_count,)).astype(np.float64)
        shift = (low - np.broadcast_to(self.mean, (self.channel_count,))) / np.asarray(self.std, np.float64)
        weights = np.asarray(mix, np.float64) * scale[:, None]
        return weights.astype(np.float32), (np.asarray(constant) * scale + shift).astype(np.float32)

    def encode(self, images: FloatArray) -> FloatArray:
        """Pixels (b, 3, h, w) in [0, 1] as the model's input values, float32, in the model's layout."""
        weights, offset = self.matrix()
        if self.channels in ("rgb", "bgr"):  # a permutation: cheaper than the general product
            ordered = images if self.channels == "rgb" else images[:, ::-1]
            scale = weights.sum(axis=1)[None, :, None, None]  # one weight a row
            values = np.multiply(ordered, scale, out=np.empty(images.shape, np.float32))
        else:
            values = np.einsum("kc,bchw->bkhw", weights, images)
        values += offset[None, :, None, None]
        return np.ascontiguousarray(values if self.layout == "nchw" else values.transpose(0, 2, 3, 1))

    def at_size(self, size: tuple[int, int]) -> "Preprocess":
        """The same values for images of another size; a side to scale to, which was meant for the old one, is gone."""
        return replace(self, size=size, resize_short=None)

    def describe(self) -> str:
        """One line for people, height x width first: `224x224 rgb nchw, short side 256, centre crop …, 0..1`."""
        h, w = self.size
        crops = {"none": "stretched", "center": f"short side {self.resize_short or 'to fit'}, centre crop"}
        crop = crops.get(str(self.crop), f"central {self.crop:.1%} of each side" if self.crop not in crops else "")
        values = f"{self.range[0]:g}..{self.range[1]:g}"
        if any(self.mean) or any(s != 1 for s in self.std):
            values += f", mean {_numbers(self.mean)}, std {_numbers(self.std)}"
        return f"{h}x{w} {self.channels} {self.layout}, {crop} ({self.interpolation}), {values}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, `origin` included."""
        return {
            "size": list(self.size),
            "crop": self.crop,
            "resize_short": self.resize_short,
            "interpolation": self.interpolation,
            "channels": self.channels,
            "layout": self.layout,
            "range": list(self.range),
            "mean": list(self.mean),
            "std": list(self.std),
            "origin": dict(self.origin),
        }


_COLOURS: dict[str, tuple[list[list[float]], list[float]]] = {
    "rgb": ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], [0, 0, 0]),
    "bgr": ([[0, 0, 1], [0, 1, 0], [1, 0, 0]], [0, 0, 0]),
    "gray": ([list(GRAY_WEIGHTS)], [0]),
    "rgba": ([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]], [0, 0, 0, 1]),  # an opaque image
}


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"{name} is {value!r}", f"choose one of: {', '.join(choices)}")


def _numbers(values: tuple[float, ...]) -> str:
    return "/".join(f"{v:g}" for v in values)
