"""Kernels of torch models: modules, functions and exported programs, and the same as of their ONNX twins."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # as everyone writes it
from torch import nn

from tests.adapters.torch_models import adapter, pixels
from tests.networks import ARCHITECTURES, SIZE, seeded
from viz.adapters.onnx_runtime import OnnxAdapter
from viz.adapters.torch_module.adapter import TorchAdapter
from viz.core.adapter import ModelSource
from viz.core.errors import NotSupported
from viz.core.model_options import ModelOptions
from viz.core.preprocess import Preprocess

CAFFE = Preprocess(size=SIZE, channels="bgr", range=(0, 255), mean=(104, 117, 123), std=(50.0, 60.0, 70.0))


def exported(module, size=SIZE):
    return torch.export.export(module, (torch.rand(1, 3, *size),))


def agrees(model):
    """The first layer gives what its kernel makes of the image's pixels."""
    images = pixels(1)
    kernel = model.kernel(model.kernels()[0])
    taken = np.einsum("kc,bchw->bkhw", kernel.image_weights, images) + kernel.image_offset[:, None, None]
    top, left, bottom, right = kernel.pads
    padded = F.pad(torch.from_numpy(taken.astype(np.float32)), (left, right, top, bottom))
    found = F.conv2d(
        padded,
        *map(torch.from_numpy, (kernel.weights, kernel.bias)),
        kernel.strides,
        0,
        kernel.dilations,
        kernel.groups,
    )
    expected = model.run(images, [kernel.layer])[kernel.layer]
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("form", ["module", "exported"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_first_layer_is_what_its_kernel_makes_of_pixels(name, form):
    net = seeded(ARCHITECTURES[name])
    net = net if form == "module" else exported(net)
    model = TorchAdapter(net, ModelSource("net", "net", "", "torch"), preprocess=CAFFE)
    kernel = model.kernel(model.kernels()[0])
    assert kernel.on_image
    np.testing.assert_allclose(kernel.image_weights[0], [0, 0, 255 / 50], atol=1e-5)
    agrees(model)


@pytest.mark.parametrize("name", ["plain", "residual", "depthwise", "squeeze-excite"])
def test_a_torch_model_and_its_onnx_twin_have_the_same_kernels(name, tmp_path):
    net = seeded(ARCHITECTURES[name])
    path = tmp_path / "net.onnx"
    torch.onnx.export(net, torch.rand(1, 3, *SIZE), path, dynamo=False, do_constant_folding=False, training=_AS_IT_IS)
    ours = adapter(net)
    twin = OnnxAdapter(path, ModelOptions(preprocess="unit"))
    assert len(ours.kernels()) == len(twin.kernels())
    for mine, its in zip(ours.kernels(), twin.kernels(), strict=True):
        a, b = ours.kernel(mine), twin.kernel(its)
        np.testing.assert_allclose(a.weights, b.weights, atol=1e-6)
        np.testing.assert_allclose(a.bias, b.bias, atol=1e-6)
        same = ("groups", "strides", "pads", "dilations", "on_image")
        assert [getattr(a, field) for field in same] == [getattr(b, field) for field in same]
        assert bool(a.source) == bool(b.source) and (a.norm is None) == (b.norm is None)
        for one, other in zip(a.norm or (), b.norm or (), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


_AS_IT_IS = torch.onnx.TrainingMode.PRESERVE  # so that normalizations stay in the graph


@pytest.mark.parametrize("form", ["module", "exported"])
def test_sources_and_normalizations_are_found_through_work_in_place(form):
    net = seeded(ARCHITECTURES["residual"])
    model = adapter(net if form == "module" else exported(net))
    stem, first, second, third, *_ = (model.kernel(name) for name in model.kernels())
    assert (first.source, second.source) == (stem.layer, first.layer)
    assert third.source not in ("", stem.layer, second.layer)  # the residual sum
    assert stem.norm is None
    values = model.run(pixels(1), [first.layer])[first.layer]
    scale, shift = first.norm
    with torch.no_grad():
        expected = net.layer1[0].bn1(torch.from_numpy(values)).numpy()
    np.testing.assert_allclose(values * scale[:, None, None] + shift[:, None, None], expected, atol=1e-5)


class Around(nn.Module):
    """A convolution on what `before` makes of the image."""

    def __init__(self, before):
        super().__init__()
        self.before, self.conv = before, nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.conv(self.before(x)).mean((2, 3))


@pytest.mark.parametrize(
    "before",
    [
        lambda x: x.flip(1),
        lambda x: x[:, [2, 0, 1]] * 2 - 1,
        lambda x: (x - torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1)) / torch.tensor([2.0, 3.0, 4.0]).view(1, 3, 1, 1),
        lambda x: torch.stack([x[:, 2] * 3, x[:, 0], x[:, 1] - 1], 1),
    ],
    ids=["flipped", "reordered", "normalized", "one by one"],
)
def test_preprocessing_inside_the_model_is_inside_the_mixture(before):
    net = Around(before)
    kernel = adapter(net).kernel("conv")
    images = pixels(1)
    expected = before(torch.from_numpy(images)).numpy()
    found = np.einsum("kc,bchw->bkhw", kernel.image_weights, images) + kernel.image_offset[:, None, None]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert kernel.on_image


@pytest.mark.parametrize(
    "before",
    [
        torch.relu_,
        lambda x: x.clamp(0.1, 0.9),
        lambda x: x.roll(1, 2),
        lambda x: x - x.mean((2, 3), keepdim=True),
        F.gelu,
    ],
    ids=["relu that changes nothing", "clamp", "roll", "its own mean", "gelu"],
)
def test_what_is_more_than_scaling_is_the_image_no_more_unless_nothing_changed(before):
    kernel = adapter(Around(before)).kernel("conv")
    assert kernel.on_image == (before is torch.relu_)


@pytest.mark.parametrize("how", [{}, {"mode": "reflect"}, {"value": 1.0}], ids=str)
def test_what_is_put_around_the_image_leaves_it_the_image(how):
    net = Around(lambda x: F.pad(x * 2, (1, 2, 3, 4), **how))
    kernel = adapter(net).kernel("conv")
    assert kernel.on_image and kernel.pads == (3, 1, 4, 2)
    np.testing.assert_allclose(kernel.image_weights, 2 * np.eye(3), atol=1e-6)


def test_a_write_that_shows_no_step_is_not_overlooked():
    """What a tensor was before `x[:, 0] = …` says nothing about what it is now."""

    class Written(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3)

        def forward(self, x):
            x = self.first(x)
            x[:, 0] = x[:, 1] * x[:, 2]
            return self.second(x).mean((2, 3))

    assert adapter(Written()).kernel("second").source == ""


class ByHand(nn.Module):
    """Every way of writing a sum: functions, a product with a parameter, addmm, weights computed from others."""

    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(4, 3, 3, 3))
        self.matrix, self.second = nn.Parameter(torch.randn(4, 5)), nn.Parameter(torch.randn(5, 6))

    def forward(self, x):
        x = F.conv2d(x, self.kernel / self.kernel.norm(), padding="same")
        x = x.mean((2, 3)) @ self.matrix
        return torch.addmm(torch.ones(6), x, self.second)


def test_sums_are_found_however_they_are_written():
    net = ByHand()
    model = adapter(net)
    conv, product, last = (model.kernel(name) for name in model.kernels())
    assert conv.pads == (1, 1, 1, 1) and (product.source, last.source) == (conv.layer, product.layer)
    np.testing.assert_allclose(conv.weights, (net.kernel / net.kernel.norm()).detach().numpy(), atol=1e-6)
    np.testing.assert_array_equal(product.weights[:, :, 0, 0], net.matrix.detach().numpy().T)
    np.testing.assert_array_equal(last.bias, np.ones(6))
    agrees(model)


def test_a_product_of_two_computed_tensors_has_no_weights():
    net = Around(lambda x: x @ x.transpose(2, 3))
    assert adapter(net).kernels() == ("conv",)


@pytest.mark.parametrize("groups", [1, 2])
def test_a_transposed_convolution_has_a_row_for_each_output(groups):
    class Spread(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.spread = nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(4, 6, 2, 2, groups=groups)

        def forward(self, x):
            return self.spread(self.conv(x)).mean((2, 3))

    model = adapter(Spread())
    kernel = model.kernel("spread")
    impulse = np.zeros((4, 4, 30, 30), np.float32)
    impulse[range(4), range(4), 5, 5] = 1
    found = model.run_from("conv", impulse, ["spread"])["spread"] - kernel.bias[:, None, None]
    for output in range(6):
        first = output // (6 // groups) * (4 // groups)
        for k in range(4 // groups):
            np.testing.assert_allclose(found[first + k, output, 10:12, 10:12], kernel.weights[output, k], atol=1e-6)


def test_a_script_shows_no_kernels_and_says_what_would():
    with torch.random.fork_rng():
        model = adapter(torch.jit.script(Around(nn.Identity())))
    assert model.kernels() == ()
    with pytest.raises(NotSupported, match="shows no convolution") as problem:
        model.kernel("output")
    assert ".pt2" in problem.value.next_step


def test_new_weights_have_kernels_of_their_own():
    model = adapter(seeded(ARCHITECTURES["plain"]))
    before = model.kernel("features.0").weights
    assert not np.allclose(model.randomized(0).kernel("features.0").weights, before)
    np.testing.assert_array_equal(model.at_size((40, 40), ["features.2"]).kernel("features.2").weights, before)
