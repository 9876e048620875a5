"""Fourier transforms: sines are peaks, both kernels agree, gradients are exact."""

import numpy as np
import pytest

from tests.adapters.onnx_torch.single_node import check_against, check_gradient, check_vmap, reference, run_node

random = np.random.default_rng(0)


def values(*shape):
    return random.standard_normal(shape).astype(np.float32)


def test_a_cosine_is_two_peaks():
    signal = np.cos(2 * np.pi * 3 * np.arange(16) / 16).astype(np.float32).reshape(1, 16, 1)
    spectrum = run_node("DFT", [signal], 17)
    strength = spectrum[0].norm(dim=-1)
    np.testing.assert_allclose(strength, [8 if k in (3, 13) else 0 for k in range(16)], atol=1e-5)


@pytest.mark.parametrize("last", [1, 2], ids=["real", "complex"])
@pytest.mark.parametrize("how", [{}, {"onesided": 1}, {"inverse": 1}], ids=str)
@pytest.mark.parametrize("length", [None, 7, 12])
def test_agrees_with_onnx(last, how, length):
    x = values(2, 10, 6, last)
    length = None if length is None else np.int64(length)
    check_against(reference, "DFT", [x, length], 17, axis=1, rtol=1e-4, atol=1e-5, **how)
    check_against(reference, "DFT", [x, length, np.int64(2)], 20, rtol=1e-4, atol=1e-5, **how)
    check_against(reference, "DFT", [x, length], 20, rtol=1e-4, atol=1e-5, **how)


def test_half_a_spectrum_gives_the_signal_back():
    x = values(2, 10, 1)
    half = run_node("DFT", [x], 20, onesided=1)
    np.testing.assert_allclose(run_node("DFT", [half], 20, onesided=1, inverse=1), x, atol=1e-6)


@pytest.mark.parametrize("onesided", [0, 1])
def test_short_time_transform_agrees_with_onnx(onesided):
    window, step, length = values(8), np.int64(4), np.int64(8)
    check_against(reference, "STFT", [values(2, 30, 1), step, window], 17, onesided=onesided, rtol=1e-4, atol=1e-5)
    inputs = [values(2, 30, 1), step, None, length]
    check_against(reference, "STFT", inputs, 17, onesided=onesided, rtol=1e-4, atol=1e-5)


def test_gradients_agree_with_central_differences():
    check_gradient("DFT", [values(1, 6, 2)], 17, axis=1)
    check_gradient("DFT", [values(1, 6, 1)], 20, onesided=1)
    check_gradient("STFT", [values(1, 12, 1), np.int64(3), values(6)], 17)


def test_a_vmapped_batch_equals_the_loop():
    check_vmap("DFT", [values(1, 6, 2)], 17, axis=1)
    check_vmap("STFT", [values(1, 12, 1), np.int64(3), values(6)], 17)
