"""Random transformations of pictures, so that what is found in one does not hang on single pixels."""

from dataclasses import dataclass
from math import atan2, ceil, cos, log, radians, sin

import torch
from torch import Tensor

from viz.core.errors import UsageError
from viz.techniques.synthesis._colours import MID_GRAY
from viz.techniques.synthesis._views import Size, Views, bordered, seen, shifted


@dataclass(frozen=True)
class Transformations:
    """What a picture may go through before the model sees it; every image of a batch gets its own draw.

    The picture lies in a border of `pad` pixels and is mirrored beyond it; a border is seen only where the
    picture moves. On average nothing moves, grows or turns: shifts and turns go both ways alike, and factors
    are drawn so that a half is as likely as a double. Source: Olah et al. 2017 (all but the boxes); Fel et al.
    2023, arXiv 2306.06805, section 3 (boxes and noise).

    Attributes:
        pad: pixels of border around the picture.
        pad_value: the border's pixel value, in [0, 1].
        jitter: most pixels by which the picture moves, whole, up, down, left or right.
        scale: two factors of magnification, to take any between them, log-uniform; or more, to take one of them.
        rotate: most degrees by which it is turned about its centre, either way.
        boxes: least and most of the picture's sides that is cut out, anywhere inside, and brought to the output's size.
        noise: standard deviation of Gaussian noise, in pixel values. The result is not clipped to [0, 1].
    """

    pad: int = 0
    pad_value: float = MID_GRAY
    jitter: int = 0
    scale: tuple[float, ...] = (1, 1)
    rotate: float = 0
    boxes: tuple[float, float] | None = None
    noise: float = 0

    def __post_init__(self) -> None:
        _check(self.pad >= 0, f"a border of {self.pad} pixels", "pad: 0 or more")
        _check(self.jitter >= 0, f"a jitter of {self.jitter} pixels", "jitter: 0 or more; it goes both ways")
        _check(
            len(self.scale) > 1 and min(self.scale) > 0, f"scale {self.scale}", "scale: two factors above 0, or more"
        )
        _check(0 <= self.rotate <= 180, f"turns of {self.rotate:g} degrees", "rotate: 0 to 180; it goes both ways")
        low, high = self.boxes or (1, 1)
        _check(
            0 < low <= high <= 1, f"boxes of {low:g} to {high:g} of the picture", "boxes: (low, high), above 0, up to 1"
        )
        _check(self.noise >= 0, f"noise of {self.noise:g}", "noise: 0 or more, in pixel values from 0 to 1")

    def __call__(self, pictures: Tensor, generator: torch.Generator, out_size: Size | None = None) -> Tensor:
        """Transformed pictures, (b, 3, H, W) -> (b, 3, *out_size), the same size by default; differentiable.

        The whole picture is brought to the output's size. Where nothing is to be done, the pictures themselves
        come back; where they only move, their values are untouched; else they are interpolated once, see
        `_views.seen`. Raises `UsageError` where the jitter moves a picture out of sight.
        """
        size = (pictures.shape[2], pictures.shape[3])
        out = out_size or size
        shown = self._shown(pictures, self.draw(len(pictures), size, out, generator), size, out)
        return shown + self.noise * _normal(shown, generator) if self.noise else shown

    def draw(self, count: int, size: Size, out: Size, generator: torch.Generator) -> Views:
        """So many random views of pictures of `size` for outputs of size `out`."""
        if self.jitter >= min(size):
            raise UsageError(
                f"a jitter of {self.jitter} pixels moves a picture of {size[0]} x {size[1]} out of sight",
                f"take a jitter below {min(size)}",
            )
        device = generator.device
        sides = torch.tensor(size, dtype=torch.float64, device=device)
        shifts = torch.zeros(count, 2, dtype=torch.float64, device=device)
        if self.jitter:
            shifts += torch.randint(-self.jitter, self.jitter + 1, (count, 2), generator=generator, device=device)
        scales = self._scales(count, generator)
        angles = _uniform((count,), -radians(self.rotate), radians(self.rotate), generator)
        least, most = self.boxes or (1, 1)
        shares = _uniform((count, 1), least, most, generator)
        if self.boxes:
            shifts += _uniform((count, 2), -0.5, 0.5, generator) * (1 - shares) * sides
        extents = shares * sides / torch.tensor(out, dtype=torch.float64, device=device)
        return Views.of(shifts.cpu(), scales.cpu(), angles.cpu(), extents.cpu())

    def reach(self, size: Size) -> int:
        """Most pixels beyond the edges of a picture of `size` that are looked at, whatever is drawn.

        Below zero, it is the number of outermost rows and columns that are never seen.
        """
        farthest = max(self._excess(size, share) for share in (self.boxes or (1,)))
        around = 0.5 if self._interpolates else 0  # a sample at a view's edge is a mean with the next pixel out
        return ceil(farthest + around - 1e-9)

    @property
    def _interpolates(self) -> bool:
        return set(self.scale) != {1} or self.rotate > 0 or self.boxes not in (None, (1, 1))

    def _shown(self, pictures: Tensor, views: Views, size: Size, out: Size) -> Tensor:
        if self._interpolates or out != size:
            return seen(bordered(pictures, self.pad, self.pad_value), views, out)
        if self.jitter:
            return shifted(pictures, views.centres.long().tolist(), self.pad, self.pad_value)
        return pictures

    def _scales(self, count: int, generator: torch.Generator) -> Tensor:
        if len(self.scale) == 2:
            return _uniform((count,), log(self.scale[0]), log(self.scale[1]), generator).exp()
        choices = torch.tensor(self.scale, dtype=torch.float64, device=generator.device)
        return choices[torch.randint(len(choices), (count,), generator=generator, device=generator.device)]

    def _excess(self, size: Size, share: float) -> float:
        """Most pixels by which a view of this share of the picture's sides lies beyond an edge; may be negative."""
        beyond = []
        for half, other in ((size[0] / 2, size[1] / 2), (size[1] / 2, size[0] / 2)):
            widest = min(radians(self.rotate), atan2(other, half))  # a rectangle is highest when on a corner
            turned = half * cos(widest) + other * sin(widest)
            beyond.append(share * turned / min(self.scale) - share * half + self.jitter)
        return max(beyond)


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    """Numbers between low and high, float64; none are drawn where they are the same."""
    if low == high:
        return torch.full(shape, low, dtype=torch.float64, device=generator.device)
    return low + (high - low) * torch.rand(shape, generator=generator, dtype=torch.float64, device=generator.device)


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, device=generator.device, dtype=like.dtype).to(like.device)


def _check(holds: bool, problem: str, next_step: str) -> None:
    if not holds:
        raise UsageError(f"{problem} cannot be", next_step)
