"""Discrete Fourier transforms; complex numbers are pairs on the last axis."""

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator


@operator("DFT", since=17)
def dft_17(
    node: Node, x: Tensor, dft_length: Tensor | None = None, axis: int = 1, inverse: int = 0, onesided: int = 0
) -> Tensor:
    """x (b, …, 1 or 2) -> (b, …, 2); the axis is an attribute."""
    return _dft(x, dft_length, axis, inverse, onesided)


@operator("DFT", since=20)
def dft_20(
    node: Node,
    x: Tensor,
    dft_length: Tensor | None = None,
    axis: Tensor | None = None,
    inverse: int = 0,
    onesided: int = 0,
) -> Tensor:
    """As before, with the axis as an input; by default it is the last one of the signal."""
    return _dft(x, dft_length, -2 if axis is None else int(axis), inverse, onesided)


@operator("STFT", since=17)
def stft(
    node: Node,
    signal: Tensor,
    frame_step: Tensor,
    window: Tensor | None = None,
    frame_length: Tensor | None = None,
    onesided: int = 1,
) -> Tensor:
    """(b, n, 1 or 2) -> (b, frames, frequencies, 2): the transform of every frame, weighted by the window."""
    length = int(frame_length) if frame_length is not None else len(window) if window is not None else signal.shape[1]
    frames = _signal(signal).unfold(1, length, int(frame_step))
    return _transform(frames if window is None else frames * window, length, 2, onesided)


def _dft(x: Tensor, dft_length: Tensor | None, axis: int, inverse: int, onesided: int) -> Tensor:
    axis %= x.dim()
    length = None if dft_length is None else int(dft_length)
    signal = _signal(x)
    if inverse and onesided:  # half of a spectrum stands for a real signal
        real: Tensor = torch.fft.irfft(signal, length, axis)
        return real.unsqueeze(-1)
    if inverse:
        return torch.view_as_real(torch.fft.ifft(signal, length, axis).resolve_conj())
    return _transform(signal, length, axis, onesided)


def _transform(signal: Tensor, length: int | None, axis: int, onesided: int) -> Tensor:
    """The spectrum, or the half of it that is no mirror image."""
    if onesided and not signal.is_complex():
        return torch.view_as_real(torch.fft.rfft(signal, length, axis))
    spectrum: Tensor = torch.fft.fft(signal, length, axis)
    if onesided:
        spectrum = spectrum.narrow(axis, 0, spectrum.shape[axis] // 2 + 1)
    return torch.view_as_real(spectrum)


def _signal(x: Tensor) -> Tensor:
    return torch.view_as_complex(x.contiguous()) if x.shape[-1] == 2 else x[..., 0]
