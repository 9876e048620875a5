"""Pictures whose Fourier coefficients are optimized, with natural weights of frequencies and colours."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from viz.core.result import FloatArray
from viz.techniques.synthesis._natural_colours import EDGE, brightness, mixed, natural_colours, to_gray
from viz.techniques.synthesis._spectra import frequencies, variance

_GAIN = 2**0.5  # with it the learning rates of Olah et al. are right: at 224 pixels it is their scale


class Fourier:
    """Parameters that are a spectrum: the picture is sigmoid(colours @ irfft2(weights * spectrum)).

    The weights are 1 / max(f, 1 / max(h, w)) ** `decay`, f in cycles per pixel, scaled so that a spectrum of real
    and imaginary parts with standard deviation `spread` gives planes with 2 * `spread`, whatever the size. So a
    step changes all frequencies as much as they differ in photographs. `decorrelate` mixes the planes as colours
    go together in photographs. With `gray` there is one plane.

    A picture starts from noise, its own by `seed` and place in the batch, or from `start` (b, 3, h, w) in [0, 1],
    clipped to [0.01, 0.99]; `ValueError` for a start of another shape. Source: Olah et al. 2017, "Feature
    visualization", doi 10.23915/distill.00007, on preconditioning.
    """

    def __init__(
        self,
        count: int,
        size: tuple[int, int],
        seed: int = 0,
        *,
        spread: float = 0.01,
        decay: float = 1.0,
        decorrelate: bool = True,
        start: Tensor | None = None,
        gray: bool = False,
    ):
        self.count, self.size, self._gray = count, size, gray
        self._weights = torch.from_numpy(_weights(size, decay))
        self._colours = torch.from_numpy(_colours(decorrelate, gray))
        spectrum = self._noise(seed, spread) if start is None else self._spectrum_of(start)
        self._spectrum = spectrum.requires_grad_()

    @property
    def tensors(self) -> Sequence[Tensor]:
        """The spectrum, (b, 3 or 1, h, w // 2 + 1, 2): real and imaginary parts."""
        return [self._spectrum]

    def pictures(self) -> Tensor:
        """(b, 3, h, w), within (0, 1)."""
        return self.pictures_of(self._spectrum)

    def pictures_of(self, spectrum: Tensor) -> Tensor:
        """The pictures (b, 3, h, w) of any spectrum of the shape of `tensors`."""
        weighted = torch.view_as_complex(spectrum) * self._weights.to(spectrum)
        planes = torch.fft.irfft2(weighted, s=self.size, norm="ortho")
        return mixed(self._colours, planes).sigmoid().expand(-1, 3, -1, -1)

    def after_step(self) -> None:
        """Nothing: every spectrum is that of a picture."""

    def _noise(self, seed: int, spread: float) -> Tensor:
        planes = 1 if self._gray else 3
        shape = (planes, *self._weights.shape, 2)
        return torch.stack([spread * torch.randn(shape, generator=chance(seed, i)) for i in range(self.count)])

    def _spectrum_of(self, start: Tensor) -> Tensor:
        """What `pictures_of` gives `start` for."""
        if tuple(start.shape) != (self.count, 3, *self.size):
            raise ValueError(f"{self.count} pictures of {self.size} cannot start from {tuple(start.shape)}")
        shown = to_gray(start.detach()) if self._gray else start.detach()
        planes = mixed(torch.linalg.inv(self._colours), torch.logit(shown, EDGE))
        return torch.view_as_real(torch.fft.rfft2(planes, norm="ortho") / self._weights).contiguous()


def chance(seed: int, index: int) -> torch.Generator:
    """Chance of the picture at `index` of a batch: the same whatever the others are, and however many."""
    return torch.Generator().manual_seed((seed * 1_000_003 + index) % 2**63)


def _weights(size: tuple[int, int], decay: float) -> FloatArray:
    """(h, w // 2 + 1): what each coefficient counts."""
    weights = 1 / np.maximum(frequencies(size), 1 / max(size)) ** decay
    scaled: FloatArray = (_GAIN * weights / np.sqrt(variance(weights, size[1]))).astype(np.float32)
    return scaled


def _colours(decorrelate: bool, gray: bool) -> FloatArray:
    if gray:
        return brightness(natural_colours().unit) if decorrelate else np.ones((1, 1), np.float32)
    return natural_colours().unit if decorrelate else np.eye(3, dtype=np.float32)
