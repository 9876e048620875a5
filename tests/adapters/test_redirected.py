"""The rule `redirected`: closed rectifiers get what opens them, image by image, and open ones their own gradient."""

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # as everyone writes it
from torch import nn

from tests.adapters.onnx_torch.exports import Variant
from tests.adapters.rules import flowing_back
from tests.adapters.torch_models import adapter, pixels
from tests.networks import PlainConv, Residual, TinyViT, seeded
from tests.onnx_models import conv_net
from viz.adapters import load
from viz.adapters.backward_rules import applied
from viz.core.gradients import input_gradients
from viz.core.model_options import ModelOptions
from viz.core.target import neuron_target

# Three images: dead below, alive, dead above 6. What comes back pulls up where positive.
X = torch.tensor([[-2.0, -0.5, -1.0, -3.0], [-2.0, -0.5, 0.5, 2.0], [7.0, 8.0, 6.5, 9.0]])
PULL = torch.tensor([[3.0, -1.0, 2.0, -4.0]]).expand(3, 4)
UNIT = ModelOptions(preprocess="unit", device="cpu")


def after(function):
    """The function, and PULL as what comes back to its result."""
    return lambda x: function(x) * PULL


def test_a_rectifier_that_is_off_for_an_image_passes_what_would_switch_units_on():
    found, changes = flowing_back("redirected", after(F.relu), X)
    assert found.tolist() == [[3, 0, 2, 0], [0, 0, 2, -4], [3, -1, 2, -4]]
    assert changes.counts == {"relu": 1}


def test_above_an_upper_kink_it_passes_what_pulls_back_down():
    found, _ = flowing_back("redirected", after(F.relu6), X)
    assert found.tolist() == [[3, 0, 2, 0], [0, 0, 2, -4], [0, -1, 0, -4]]


WAYS = {
    "F.relu": F.relu,
    "in place": lambda x: F.relu(x, inplace=True),
    "x.relu_(), its result unused": lambda x: (x.relu_(), x)[1],
    "clamp": lambda x: x.clamp(min=0),
    "maximum, the other way round": lambda x: torch.maximum(torch.zeros_like(x), x),
    "threshold": lambda x: F.threshold(x, 0.0, 0.0),
    "PReLU without a leak": lambda x: F.prelu(x, torch.zeros(1)),
    "aten.relu_": torch.ops.aten.relu_.default,
    "module": nn.ReLU(),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_writing_a_rectifier_gives_the_same(way):
    expected, _ = flowing_back("redirected", after(F.relu), X)
    found, changes = flowing_back("redirected", after(WAYS[way]), X)
    assert torch.equal(found, expected) and sum(changes.counts.values()) == 1


@pytest.mark.parametrize("function", [F.leaky_relu, F.elu, F.selu, F.celu, F.silu, F.gelu, torch.tanh, F.hardswish])
def test_what_leaks_or_is_smooth_has_its_own_gradient(function):
    plain, _ = flowing_back("plain", after(function), X)
    assert torch.equal(flowing_back("redirected", after(function), X)[0], plain)


def test_an_elu_that_has_run_flat_is_off():
    x = torch.full((1, 4), -200.0)
    found, _ = flowing_back("redirected", lambda x: F.elu(x) * PULL[:1], x)
    assert found.tolist() == [[3, 0, 2, 0]]


def test_a_maximum_with_something_larger_keeps_its_gradient():
    x = torch.full((1, 4), -1.0)
    found, _ = flowing_back("redirected", lambda x: torch.maximum(x, torch.zeros(3, 4)), x)
    assert found.tolist() == [[0, 0, 0, 0]]


def test_inside_vmap_each_image_is_judged_by_itself():
    expected, _ = flowing_back("redirected", after(F.relu6), X)
    vmapped, _ = flowing_back("redirected", after(torch.vmap(lambda row: F.relu6(row[None])[0])), X)
    assert torch.equal(vmapped, expected)


def test_a_unit_that_is_on_switches_the_whole_image_to_the_ordinary_gradient():
    x = torch.tensor([[-1.0, -1.0, 1.0]])
    on, _ = flowing_back("redirected", lambda x: F.relu(x) * torch.tensor([1.0, 1.0, 1e-30]), x)
    off, _ = flowing_back("redirected", lambda x: F.relu(x) * torch.tensor([1.0, 1.0, 0.0]), x)  # on, and not asked
    assert on.tolist() == [[0, 0, pytest.approx(1e-30)]] and off.tolist() == [[1, 1, 0]]


# --- whole networks -----------------------------------------------------------------------------------------------


def by_hand(images, first, second, pull):
    """The gradient of `pull` times two rectified layers, (b, n), by the rule's text in numpy, image by image."""
    rows = []
    for x in images:
        a = first @ x
        b = second @ np.maximum(a, 0)
        gradient = pull
        for before, matrix in ((b, second), (a, first)):
            ordinary = gradient * (before > 0)
            if not ordinary.any():
                ordinary = np.where((before <= 0) & (gradient > 0), gradient, 0)
            gradient = matrix.T @ ordinary
        rows.append(gradient)
    return np.stack(rows)


def dense(first, second):
    layers = [nn.Linear(5, 6, bias=False), nn.ReLU(), nn.Linear(6, 4, bias=False), nn.ReLU(inplace=True)]
    net = nn.Sequential(*layers)
    with torch.no_grad():
        net[0].weight.copy_(torch.from_numpy(first))
        net[2].weight.copy_(torch.from_numpy(second))
    return net


@pytest.mark.parametrize("seed", range(6))
def test_two_layers_give_what_the_rule_says_in_numpy(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(6, 5)), rng.normal(size=(4, 6)) - 1.5
    images, pull = rng.normal(size=(5, 5)), rng.normal(size=4)
    first, second, images, pull = (part.astype(np.float32) for part in (first, second, images, pull))
    found, _ = flowing_back(
        "redirected", lambda x: dense(first, second)(x) * torch.from_numpy(pull), torch.tensor(images)
    )
    np.testing.assert_allclose(found.numpy(), by_hand(images, first, second, pull), rtol=1e-4, atol=1e-5)
    plain, _ = flowing_back("plain", lambda x: dense(first, second)(x) * torch.from_numpy(pull), torch.tensor(images))
    assert ((found - plain).abs().sum(1) > 0).sum() >= 2  # images for which the whole second layer is off


@pytest.mark.parametrize("make", [PlainConv, Residual, TinyViT])
def test_where_units_are_alive_it_is_the_plain_gradient_bit_for_bit(make):
    model, images = adapter(seeded(make).eval()), pixels(3)
    plain, redirected = (
        input_gradients(model, images, [neuron_target(model, "output", channel=3)] * 3, rule)
        for rule in ("plain", "redirected")
    )
    np.testing.assert_array_equal(redirected.pixels, plain.pixels)


def dying():
    """Its rectifiers are off for dark images: biases that only light outweighs."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 5, 3), nn.ReLU6())
    with torch.no_grad():
        for part in (net[0], net[2]):
            part.weight.copy_(torch.rand(part.weight.shape, generator=torch.Generator().manual_seed(0)) - 0.3)
            part.bias.fill_(-1.5)
    return net.eval().requires_grad_(False)


def images_of_both_kinds():
    """Dark, bright, dark."""
    return pixels(3, (8, 8)) * np.array([0.05, 1, 0.05], np.float32)[:, None, None, None]


@pytest.mark.parametrize("variant", [Variant("old", 17, False), Variant("old", 17, True)], ids=str)
def test_an_onnx_file_with_dead_units_gives_what_the_module_gives(tmp_path, variant):
    net, images = dying(), images_of_both_kinds()
    onnx.save(variant.export(net, torch.rand(1, 3, 8, 8)), tmp_path / "net.onnx")
    file, module = load(tmp_path / "net.onnx", UNIT), adapter(net, (8, 8))
    target = neuron_target(module, "output", channel=2)
    ours, theirs = (input_gradients(m, images, [target] * 3, "redirected").pixels for m in (file, module))
    plain = input_gradients(module, images, [target] * 3).pixels
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-8)
    assert not plain[0].any() and theirs[0].any() and theirs[2].any()
    np.testing.assert_array_equal(theirs[1], plain[1])


def test_no_image_depends_on_the_others_of_its_batch(tmp_path):
    model, images = adapter(dying(), (8, 8)), images_of_both_kinds()
    target = neuron_target(model, "output", channel=2)
    together = input_gradients(model, images, [target] * 3, "redirected").pixels
    alone = [input_gradients(model, images[i : i + 1], [target], "redirected").pixels[0] for i in range(3)]
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-8)


def test_a_model_without_a_rectifier_has_its_plain_gradient(tmp_path):
    module = adapter(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh()), (8, 8))
    quantizing = load(conv_net(tmp_path / "net.onnx"), UNIT)
    for model, layer in ((module, "output"), (quantizing, "conv")):
        images = pixels(2, model.size)
        target = neuron_target(model, layer, channel=1)
        plain, found = (input_gradients(model, images, [target] * 2, rule) for rule in ("plain", "redirected"))
        np.testing.assert_array_equal(found.pixels, plain.pixels)
        assert not found.changed


def test_forward_values_are_those_without_a_rule():
    with applied("redirected"):
        x = X.clone().requires_grad_()
        assert torch.equal(F.relu6(x * 1.0), F.relu6(X))
