"""Pictures of which only the Fourier phases are optimized; how strong each frequency is stays as in photographs."""

from collections.abc import Sequence
from math import pi

import torch
from torch import Tensor

from viz.core.result import FloatArray
from viz.techniques.synthesis._fourier import chance
from viz.techniques.synthesis._magnitudes import natural_magnitude
from viz.techniques.synthesis._natural_colours import brightness, mixed, natural_colours
from viz.techniques.synthesis._spectra import for_size


class FourierPhase:
    """Parameters that are phases: the picture is sigmoid(mean + colours @ irfft2(magnitude * exp(i phase))).

    `magnitude` (3, h', w' // 2 + 1) is of decorrelated logits, brightness first (see `natural_magnitude`), and is
    brought to the picture's size; mean and colours are those of photographs. Phases start at random, each
    picture's by `seed` and its place in the batch. With `gray` there is one plane, with the magnitude of brightness.

    A real picture's phases at a frequency and at its opposite are each other's negatives. In the columns where
    the transform holds both (the first, and for an even width the last) the upper half decides; the up to four
    coefficients that are their own opposites are real, so that their phase can only weaken or turn them.
    Source: Fel et al. 2023, "Unlocking feature visualization for deeper networks with magnitude constrained
    optimization", arXiv 2306.06805, eq. 3-5.
    """

    def __init__(
        self,
        count: int,
        size: tuple[int, int],
        seed: int = 0,
        magnitude: FloatArray | None = None,
        *,
        gray: bool = False,
    ):
        self.count, self.size = count, size
        colours = natural_colours()
        wanted = for_size(natural_magnitude() if magnitude is None else magnitude, size)
        self._magnitude = torch.from_numpy(wanted[:1] if gray else wanted)
        self._colours = torch.from_numpy(brightness(colours.root) if gray else colours.root)
        mean = colours.mean.mean(keepdims=True) if gray else colours.mean
        self._mean = torch.from_numpy(mean)[:, None, None]
        turns = [torch.rand(self._magnitude.shape, generator=chance(seed, index)) for index in range(count)]
        self._phase = ((2 * torch.stack(turns) - 1) * pi).requires_grad_()

    @property
    def tensors(self) -> Sequence[Tensor]:
        """The phases, (b, 3 or 1, h, w // 2 + 1), in radians, any number."""
        return [self._phase]

    def pictures(self) -> Tensor:
        """(b, 3, h, w), within (0, 1)."""
        return self.pictures_of(self._phase)

    def pictures_of(self, phase: Tensor) -> Tensor:
        """The pictures (b, 3, h, w) of any phases of the shape of `tensors`."""
        spectrum = torch.polar(self._magnitude.to(phase).expand_as(phase), self._of_a_real_picture(phase))
        planes = torch.fft.irfft2(spectrum, s=self.size, norm="ortho")
        return (self._mean.to(phase) + mixed(self._colours, planes)).sigmoid().expand(-1, 3, -1, -1)

    def after_step(self) -> None:
        """Nothing: every phase is that of a picture."""

    def _of_a_real_picture(self, phase: Tensor) -> Tensor:
        """Phases whose lower half mirrors the upper one in the columns that hold both."""
        if self.size[1] <= 2:  # no other columns
            return _mirrored(phase)
        if self.size[1] % 2:
            return torch.cat([_mirrored(phase[..., :1]), phase[..., 1:]], -1)
        return torch.cat([_mirrored(phase[..., :1]), phase[..., 1:-1], _mirrored(phase[..., -1:])], -1)


def _mirrored(columns: Tensor) -> Tensor:
    rows = columns.shape[-2]
    upper = columns[..., : rows // 2 + 1, :]
    return torch.cat([upper, -columns[..., 1 : (rows + 1) // 2, :].flip(-2)], -2)
