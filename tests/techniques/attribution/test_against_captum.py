"""Where Captum is right, viz gives the same to 1e-5, on the same torch module."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.adapters.torch_models import pixels
from tests.networks import PlainConv, Residual, SqueezeExcite, TinyViT, seeded
from tests.techniques.attribution.captum_side import assert_same, ours, theirs
from tests.techniques.attribution.test_same_maps_everywhere import Rectified

captum = pytest.importorskip("captum.attr", reason="captum is not installed: pip install 'onnx-viz[parity]'")

NETS = pytest.mark.parametrize("make", [PlainConv, Residual, SqueezeExcite, TinyViT])
IMAGES = pixels(3)


def modular():
    """A network whose rectifiers are modules of their own, as Captum needs them."""
    return seeded(lambda: Rectified("modules"))


@NETS
def test_saliency(make):
    net = seeded(make)
    expected = theirs(captum.Saliency(net), IMAGES)
    assert_same(ours(net, "saliency", IMAGES, "heat"), expected.max(axis=1))
    assert_same(np.abs(ours(net, "saliency", IMAGES)), expected)


@NETS
def test_gradient_times_input_less_a_black_baseline(make):
    net = seeded(make)
    expected = theirs(captum.InputXGradient(net), IMAGES)
    assert_same(ours(net, "gradient-x-input", IMAGES, baseline="black"), expected)


@NETS
def test_integrated_gradients_by_midpoints(make):
    net = seeded(make)
    expected = theirs(captum.IntegratedGradients(net), IMAGES, n_steps=12, method="riemann_middle")
    assert_same(ours(net, "integrated-gradients", IMAGES, steps=12), expected)


def test_integrated_gradients_with_steps_enough_are_those_of_any_method():
    net = modular()
    expected = theirs(captum.IntegratedGradients(net), IMAGES, n_steps=200)
    assert_same(ours(net, "integrated-gradients", IMAGES, steps=400), expected, 5e-3)


def test_guided_backprop():
    net = modular()
    assert_same(ours(net, "guided-backprop", IMAGES), theirs(captum.GuidedBackprop(net), IMAGES))


def test_deconvnet():
    net = modular()
    assert_same(ours(net, "deconvnet", IMAGES), theirs(captum.Deconvolution(net), IMAGES))


@pytest.mark.parametrize("layer", ["relus.1", "relus.2", "convs.2"])
def test_grad_cam_of_a_layer_cut_off_below_zero(layer):
    net = modular()
    part = net.get_submodule(layer)
    expected = theirs(captum.LayerGradCam(net, part), IMAGES, relu_attributions=True)[:, 0]
    assert_same(ours(net, "grad-cam", IMAGES, "cells", layer=layer), expected)


def test_guided_grad_cam_on_a_layer_of_the_images_size():
    """There no map has to be stretched."""
    net = modular()
    expected = theirs(captum.GuidedGradCam(net, net.norms[0]), IMAGES)
    assert_same(ours(net, "guided-grad-cam", IMAGES, layer="norms.0"), expected)


@pytest.mark.parametrize(("patch", "stride"), [(8, 8), (8, 4), (4, 2), (12, 4)])
def test_occlusion_where_the_stride_divides_what_is_left_of_the_image(patch, stride):
    net = modular()
    options = {"sliding_window_shapes": (3, patch, patch), "strides": (3, stride, stride), "baselines": 0.5}
    expected = theirs(captum.Occlusion(net), IMAGES, **options)[:, 0]
    assert_same(ours(net, "occlusion", IMAGES, "heat", patch=patch, stride=stride, fill="gray"), expected)


@pytest.mark.parametrize(("technique", "kind"), [("smoothgrad", "smoothgrad"), ("vargrad", "vargrad")])
def test_moments_of_gradients_under_the_same_noise(technique, kind, monkeypatch):
    """Captum is given the noise that viz draws."""
    net, image, samples = modular(), IMAGES[:1], 6
    noise = np.random.default_rng(0).standard_normal((samples, *image.shape[1:]), np.float32)
    monkeypatch.setattr(torch, "normal", lambda mean, deviation: deviation * torch.from_numpy(noise))
    deviation = 0.2 * float(np.ptp(image))
    tunnel = captum.NoiseTunnel(captum.Saliency(net))
    expected = theirs(tunnel, image, nt_type=kind, nt_samples=samples, stdevs=deviation, abs=False)
    assert_same(ours(net, technique, image, noise=0.2, samples=samples), expected, 1e-4 if kind == "vargrad" else 1e-5)


class Dense(nn.Module):
    """What Captum's LRP has rules for."""

    def __init__(self):
        super().__init__()
        self.conv, self.pool = nn.Conv2d(3, 6, 5, stride=3), nn.MaxPool2d(2)
        self.first, self.second = nn.Linear(6 * 25, 8), nn.Linear(8, 4)
        self.relus = nn.ModuleList([nn.ReLU(), nn.ReLU()])

    def forward(self, x):
        x = self.pool(self.relus[0](self.conv(x)))
        return self.second(self.relus[1](self.first(torch.flatten(x, 1))))


def test_lrp_with_the_epsilon_rule_on_convolutions_and_dense_layers():
    net = seeded(Dense)
    found = ours(net, "lrp", IMAGES, rule="epsilon")
    assert_same(found, theirs(captum.LRP(net), IMAGES), 1e-3)  # what keeps divisors from zero differs in size
