"""Where viz gives something else than Captum, on purpose: what both do, side by side.

docs/explanation/differences-from-captum.md says why; each of its lines names the test here that shows it.
"""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.adapters.torch_models import pixels
from tests.networks import seeded
from tests.techniques.attribution.captum_side import CLASS, apart, assert_same, ours, theirs
from tests.techniques.attribution.test_same_maps_everywhere import Rectified, Smooth
from viz.adapters.torch_module.adapter import TorchAdapter
from viz.core.adapter import ModelSource
from viz.core.errors import NotSupported
from viz.core.preprocess import Preprocess
from viz.core.target import class_target
from viz.core.technique import find

captum = pytest.importorskip("captum.attr", reason="captum is not installed: pip install 'onnx-viz[parity]'")

IMAGES = pixels(3)
PAGE = Path(__file__).parents[3] / "docs/explanation/differences-from-captum.md"


def plain(net, images=IMAGES):
    """The gradient, without any rule."""
    return theirs(captum.Saliency(net), images, abs=False)


class Activated(nn.Module):
    """Two convolutions, each with the same activation after it."""

    def __init__(self, activation):
        super().__init__()
        self.one, self.two, self.head = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), nn.Linear(8, 5)
        self.activation = activation

    def forward(self, x):
        x = self.activation(3 * self.one(x))
        return self.head(self.activation(self.two(x)).mean((2, 3)))


PEERS = {"guided-backprop": "GuidedBackprop", "deconvnet": "Deconvolution"}


@pytest.mark.parametrize("style", ["functional", "method in place"])
@pytest.mark.parametrize("technique", PEERS)
def test_rectifiers_that_are_no_modules(technique, style):
    net, modular = seeded(lambda: Rectified(style)), seeded(lambda: Rectified("modules"))
    peer = getattr(captum, PEERS[technique])
    assert_same(theirs(peer(net), IMAGES), plain(net))  # the plain gradient, without a word
    assert_same(ours(net, technique, IMAGES), theirs(peer(modular), IMAGES))


RECTIFIERS = {
    "ReLU6": nn.ReLU6(),
    "LeakyReLU": nn.LeakyReLU(0.1),
    "PReLU": nn.PReLU(init=0.0),
    "ELU": nn.ELU(),
}


@pytest.mark.parametrize("name", RECTIFIERS)
def test_other_rectifiers_than_relu(name):
    net = seeded(lambda: Activated(RECTIFIERS[name]))
    assert_same(theirs(captum.GuidedBackprop(net), IMAGES), plain(net))
    assert apart(ours(net, "guided-backprop", IMAGES), plain(net)) > 0.1


def test_a_leaky_rectifier_without_a_leak_is_a_rectifier():
    """Known from Captum itself, by its rule for ReLU."""
    leaky, relu = (seeded(lambda a=a: Activated(a)) for a in (nn.LeakyReLU(0.0), nn.ReLU()))
    expected = theirs(captum.GuidedBackprop(relu), IMAGES)
    assert_same(ours(leaky, "guided-backprop", IMAGES), expected)
    assert apart(theirs(captum.GuidedBackprop(leaky), IMAGES), expected) > 0.1


@pytest.mark.parametrize("technique", PEERS)
def test_smooth_activations(technique):
    net = seeded(Smooth)
    assert_same(theirs(getattr(captum, PEERS[technique])(net), IMAGES), plain(net))
    with pytest.raises(NotSupported, match="is defined for rectifiers, and the model has none"):
        ours(net, technique, IMAGES)


def test_a_model_in_training_mode():
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Dropout(0.5), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)
    )
    net.train()
    assert apart(plain(net), plain(net)) > 0.1  # dropout: another map at every call
    found = ours(net, "saliency", IMAGES)
    assert net.training
    assert_same(found, plain(net.eval()))


MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.1)


def normalizing(net):
    """The network behind the normalization that it was trained with, as viz runs it."""
    preprocess = Preprocess(size=(32, 32), mean=MEAN, std=STD)
    return TorchAdapter(net, ModelSource("net", "net", "", "torch"), preprocess=preprocess), preprocess


def result(model, technique, array="gradient", **options):
    found = find(technique)(**options)(model, IMAGES, [class_target(model, CLASS)] * len(IMAGES))
    return np.stack([one.arrays[array] for one in found])


def test_what_the_gradient_is_of():
    net = seeded(lambda: Rectified("modules"))
    model, preprocess = normalizing(net)
    of_input = plain(net, preprocess.encode(IMAGES))
    of_pixels = result(model, "saliency")
    assert_same(of_pixels, of_input / np.array(STD, np.float32)[:, None, None])
    assert (of_pixels[0].argmax(), of_input[0].argmax()) != (of_pixels[0].argmax(), of_pixels[0].argmax())


def test_where_integrated_gradients_start():
    net = seeded(lambda: Rectified("modules"))
    model, preprocess = normalizing(net)
    options = {"n_steps": 16, "method": "riemann_middle"}
    from_mean = theirs(captum.IntegratedGradients(net), preprocess.encode(IMAGES), **options)
    assert_same(result(model, "integrated-gradients", steps=16, baseline="mean"), from_mean)
    black = torch.from_numpy(preprocess.encode(np.zeros_like(IMAGES)))
    from_black = theirs(captum.IntegratedGradients(net), preprocess.encode(IMAGES), baselines=black, **options)
    assert_same(result(model, "integrated-gradients", steps=16), from_black)
    assert apart(from_mean, from_black) > 0.1


def test_whether_attributions_that_do_not_add_up_are_told():
    net = seeded(lambda: Activated(nn.Sequential(nn.Tanh(), nn.ReLU())))
    bright = torch.from_numpy(IMAGES * 9)
    change = (net(bright) - net(0 * bright))[:, CLASS].detach()
    found = captum.IntegratedGradients(net).attribute(bright, target=CLASS, n_steps=2)
    assert isinstance(found, torch.Tensor)  # the attributions alone: the gap has to be asked for
    gap = (found.sum((1, 2, 3)).detach() - change).abs() / change.abs()
    assert gap.max() > 0.05
    model = TorchAdapter(net, ModelSource("net", "net", "", "torch"), preprocess=Preprocess((32, 32), range=(0, 9)))
    for one in find("integrated-gradients")(steps=2)(model, IMAGES, [class_target(model, CLASS)] * 3):
        assert one.numbers["completeness_gap"] > 0.05
        assert any("take more than 2 --steps" in text for text in one.warnings)


class PixelSum(nn.Module):
    """Every pixel counts the same, so that a map of what counts is flat."""

    def forward(self, x):
        return x.sum((1, 2, 3))[:, None] * torch.ones(1, 3)


def test_the_occluder_at_the_border():
    images = np.ones((1, 3, 32, 32), np.float32)
    options = {"sliding_window_shapes": (3, 8, 8), "strides": (3, 5, 5), "baselines": 0.5}
    clipped = theirs(captum.Occlusion(PixelSum()), images, **options)[0, 0]
    assert clipped[0, 0] == pytest.approx(96)  # 8 x 8 x 3 halves
    assert clipped[-1, 0] == pytest.approx(7 / 8 * 96)  # the last window keeps 7 of its 8 rows
    whole = ours(PixelSum(), "occlusion", images, "heat", patch=8, stride=5, fill="gray")
    np.testing.assert_allclose(whole, 96, rtol=1e-6)


def test_what_speaks_against_the_class_in_grad_cam():
    net = seeded(lambda: Rectified("modules"))
    signed = theirs(captum.LayerGradCam(net, net.relus[2]), IMAGES)[:, 0]
    assert signed.min() < 0
    assert_same(ours(net, "grad-cam", IMAGES, "cells", layer="relus.2"), np.maximum(signed, 0))
    assert_same(ours(net, "grad-cam", IMAGES, "cells", layer="relus.2", signed=True), signed)


class EveryFourth(nn.Module):
    """Position i of the layer sees pixel 4 i, and no other."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 1, stride=4, bias=False)
        nn.init.constant_(self.conv.weight, 1.0)

    def forward(self, x):
        return self.conv(x).relu().mean((2, 3)) * torch.ones(1, 3)


def test_where_a_cell_of_grad_cam_lies_on_the_image():
    images = np.zeros((1, 3, 32, 32), np.float32)
    images[:, :, 8, 20] = 1
    net = EveryFourth()
    cells = captum.LayerGradCam(net, net.conv).attribute(torch.from_numpy(images), target=CLASS)
    for mode in ("nearest", "bilinear"):
        stretched = captum.LayerAttribution.interpolate(cells, (32, 32), mode)[0, 0].detach().numpy()
        rows, columns = np.nonzero(stretched >= stretched.max() * 0.99)
        assert (rows.mean(), columns.mean()) == (9.5, 21.5)  # the middle of the cell's share of the image
    heat = ours(net, "grad-cam", images, "heat", layer="conv")[0]
    assert np.unravel_index(heat.argmax(), heat.shape) == (8, 20)  # the pixel that the cell sees


class Remembering(nn.Module):
    """What it was shown."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        self.seen.append(x.detach())
        return x.square().mean((2, 3))


def test_how_much_noise_smoothgrad_adds_unless_told():
    pale = (0.5 + 0.1 * (IMAGES[:1] - 0.5)).astype(np.float32)  # values span a tenth of the range
    net = Remembering()
    theirs(captum.NoiseTunnel(captum.Saliency(net)), pale, nt_samples=8)
    added = torch.cat(net.seen)[-8:] - torch.from_numpy(pale)
    assert float(added.std()) == pytest.approx(1.0, rel=0.05)  # whatever the image
    net = Remembering()
    ours(net, "smoothgrad", pale, samples=8)
    added = torch.cat(net.seen)[-8:] - torch.from_numpy(pale)
    assert float(added.std()) == pytest.approx(0.15 * np.ptp(pale), rel=0.05)


def test_every_line_of_the_page_is_shown_by_a_test_and_every_test_is_on_it():
    shown = set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))
    here = {name for name in globals() if name.startswith("test_")} - {
        "test_every_line_of_the_page_is_shown_by_a_test_and_every_test_is_on_it"
    }
    assert shown == here
