"""Preprocessing in torch: the values of `Preprocess.encode`, and their gradient."""

import numpy as np
import pytest
import torch

from viz.adapters.pixel_encoding import encode, made_of
from viz.core.preprocess import Preprocess

SIZE = (5, 7)
STATISTICS = {
    "rgb": {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
    "bgr": {"mean": (103.9, 116.8, 123.7), "std": (1.0,), "range": (0.0, 255.0)},
    "gray": {"mean": (0.1307,), "std": (0.3081,)},
    "rgba": {"mean": (0.5,), "std": (0.5,), "range": (-1.0, 1.0)},
}


@pytest.fixture
def images():
    return np.random.default_rng(0).random((2, 3, *SIZE), np.float32)


def preprocess(channels, layout):
    return Preprocess(size=SIZE, channels=channels, layout=layout, **STATISTICS[channels])


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("channels", STATISTICS)
def test_values_are_those_of_numpy_to_the_last_bits(images, channels, layout):
    wanted = preprocess(channels, layout)
    found = encode(torch.from_numpy(images), wanted).numpy()
    expected = wanted.encode(images)
    assert found.shape == expected.shape and found.dtype == np.float32
    last_bit = np.spacing(np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=0 if channels in ("rgb", "bgr") else 2 * last_bit)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("channels", STATISTICS)
def test_the_gradient_is_the_transposed_matrix(images, channels, layout):
    wanted, pixels = preprocess(channels, layout), torch.from_numpy(images).requires_grad_()
    pull = torch.rand(wanted.encode(images).shape)
    (found,) = torch.autograd.grad((encode(pixels, wanted) * pull).sum(), [pixels])
    by_channel = pull if layout == "nchw" else pull.permute(0, 3, 1, 2)
    expected = np.einsum("kc,bkhw->bchw", wanted.matrix()[0], by_channel.numpy())
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)


def test_whole_numbers_are_rounded_and_keep_the_gradient(images):
    wanted, pixels = Preprocess(size=SIZE, range=(0.0, 255.0)), torch.from_numpy(images).requires_grad_()
    found = encode(pixels, wanted, whole_numbers=True)
    np.testing.assert_allclose(found.detach().numpy(), np.round(wanted.encode(images)), atol=1e-4)
    (gradient,) = torch.autograd.grad(found.sum(), [pixels])
    assert torch.equal(gradient, torch.full_like(pixels, 255.0))


@pytest.mark.parametrize("channels", STATISTICS)
def test_the_way_of_relevance_shares_out_whole_numbers_of_pixels(images, channels):
    wanted, pixels = preprocess(channels, "nhwc"), torch.from_numpy(images).requires_grad_()
    way = made_of(pixels, wanted)
    assert way.shape == wanted.encode(images).shape
    (back,) = torch.autograd.grad(way[..., : 1 if channels == "gray" else 3].sum(), [pixels])
    torch.testing.assert_close(back.sum(1), torch.full((2, *SIZE), 1.0 if channels == "gray" else 3.0))
    assert (back >= 0).all()
