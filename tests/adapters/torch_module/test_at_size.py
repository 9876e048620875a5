"""Torch models at another size: the values are the module's own, the tail never runs, what cannot hold is named."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # as everyone writes it
from torch import nn

from tests.adapters.torch_models import adapter, forward, pixels
from tests.networks import Depthwise, PlainConv, Residual, SqueezeExcite, seeded
from viz.core.errors import NotSupported, UnknownName
from viz.core.gradients import input_gradients
from viz.core.target import class_target, neuron_target

OTHER = (45, 60)


class Ending(nn.Module):
    """A convolution, then whatever is given."""

    def __init__(self, end):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.end = end

    def forward(self, x):
        return self.end(self.conv(x))


def ending(end):
    return seeded(lambda: Ending(end)).eval()


@pytest.mark.parametrize("size", [OTHER, (20, 27), (64, 64)])
@pytest.mark.parametrize("make", [Residual, Depthwise])
def test_a_network_with_a_global_pool_gives_its_own_values_at_any_size(make, size):
    net = seeded(make).eval()
    model = adapter(net)
    part = model.at_size(size, ["output"])
    images = pixels(3, size)
    np.testing.assert_allclose(part.run(images, ["output"])["output"], forward(net, images), rtol=1e-4, atol=1e-5)
    channel = neuron_target(part, "output", channel=3)
    found = input_gradients(part, images, [channel] * 3).pixels
    x = torch.from_numpy(images).requires_grad_()
    expected = torch.autograd.grad(net(x)[:, 3].sum(), [x])[0].numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)


def test_a_gate_that_is_computed_from_the_whole_image_holds_and_a_pool_of_one_size_does_not():
    net, images = seeded(SqueezeExcite).eval(), pixels(2, OTHER)
    part = adapter(net).at_size(OTHER, ["mul_0"])
    x = F.silu(net.conv(torch.from_numpy(images)))
    expected = x * net.excite(F.relu(net.squeeze(x.mean((2, 3), keepdim=True)))).sigmoid()
    np.testing.assert_allclose(part.run(images, ["mul_0"])["mul_0"], expected.detach(), rtol=1e-4, atol=1e-5)
    with pytest.raises(NotSupported, match="makes 1 positions of 45, as of 32"):
        adapter(net).at_size(OTHER, ["output"])


def test_what_comes_after_the_layers_never_runs():
    net = seeded(PlainConv).eval()  # its dense layer fits 32x32 only
    model = adapter(net)
    part = model.at_size(OTHER, ["features.1", "features.3"])
    images = pixels(2, OTHER)
    with pytest.raises(RuntimeError):
        net(torch.from_numpy(images))
    found = part.run(images, ["features.1", "features.3"])
    # The ReLU after it works in place: what is shown is what the normalization gave.
    np.testing.assert_allclose(found["features.1"], forward(net.features[:2], images), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["features.3"], forward(net.features[:4], images), rtol=1e-5, atol=1e-6)
    assert [*part.layers][-1] == "features.3" and part.outputs == ("features.1", "features.3")
    assert part.scores is None and part.size == OTHER and model.size == (32, 32)
    assert not part.notes  # several images together
    assert part.layers["features.3"].aliases == model.layers["features.3"].aliases
    with pytest.raises(UnknownName):
        part.run(images, ["classifier"])


@pytest.mark.parametrize("rule", ["plain", "guided", "deconvnet", "redirected", "lrp-epsilon-plus-flat"])
def test_every_rule_gives_what_a_network_of_that_size_gives(rule):
    net = seeded(PlainConv).eval()
    part = adapter(net).at_size(OTHER, ["features"])
    whole = adapter(copy.deepcopy(net.features), OTHER)
    images = pixels(2, OTHER)
    ours = input_gradients(part, images, [neuron_target(part, "features", channel=2)] * 2, rule)
    theirs = input_gradients(whole, images, [neuron_target(whole, "output", channel=2)] * 2, rule)
    np.testing.assert_allclose(ours.pixels, theirs.pixels, rtol=1e-4, atol=1e-7)
    assert sum(ours.changed.values()) == sum(theirs.changed.values())


def test_gradients_at_inner_layers_are_those_of_what_the_model_goes_on_with():
    net = seeded(PlainConv).eval()
    part = adapter(net).at_size(OTHER, ["features.0", "features.5"])
    images = pixels(2, OTHER)
    found = input_gradients(part, images, [neuron_target(part, "features.5", channel=1)] * 2, layers=["features.0"])
    inner = net.features[0](torch.from_numpy(images)).detach().requires_grad_()
    total = net.features[1:6](inner)[:, 1].mean((1, 2)).sum()
    expected = torch.autograd.grad(total, [inner])[0].numpy()
    np.testing.assert_allclose(found.layers["features.0"], expected, rtol=1e-4, atol=1e-8)


class Shrinking(nn.Module):
    def forward(self, x):
        return x * F.avg_pool2d(x, 32)


class Cutting(nn.Module):
    def forward(self, x):
        return x[:, :, :20, :20]


class Fading(nn.Module):
    """Darker to the left, over the whole width: pixel by pixel, and another function at every size."""

    def forward(self, x):
        return x * torch.linspace(0, 1, x.shape[-1])


class Positions(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Parameter(torch.zeros(1, 4, 32, 32))

    def forward(self, x):
        return x + self.embedding


REFUSED = {
    "a dense layer": (nn.Sequential(nn.Flatten(), nn.Linear(4 * 32 * 32, 5)), "end.1", "after 'end.0' it fails"),
    "positions and channels in one axis": (nn.Flatten(), "output", "joins positions with channels"),
    "a pool that stood for the whole map": (Shrinking(), "output", "makes 1 positions of 45, as of 32"),
    "resizing to a fixed size": (nn.Upsample((64, 64)), "output", "makes 64 positions of 45"),
    "a cut at a fixed place": (Cutting(), "output", "makes 20 positions of 45"),
    "values that go by the width": (Fading(), "output", "another function than at 32x32"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_size_written_into_the_model_is_named_with_its_layer(name):
    end, layer, reason = REFUSED[name]
    model = adapter(ending(end))
    with pytest.raises(NotSupported, match=reason) as problem:
        model.at_size(OTHER, [layer])
    assert "45x60" in problem.value.problem
    assert "conv" in problem.value.next_step or "an earlier layer" in problem.value.next_step
    assert model.at_size(OTHER, ["conv"]).layers["conv"].shape == (None, 4, *OTHER)


def test_where_the_model_itself_fails_the_layers_before_are_named():
    model = adapter(ending(Positions()))
    with pytest.raises(NotSupported, match="after 'conv' it fails") as problem:
        model.at_size(OTHER, ["output"])
    assert "choose a layer up to 'conv'" in problem.value.next_step


def exported(net, free_size):
    sides = {2: torch.export.Dim("h", min=16), 3: torch.export.Dim("w", min=16)} if free_size else {}
    shapes = ({0: torch.export.Dim("n"), **sides},)
    return torch.export.export(net, (torch.rand(2, 3, 32, 32),), dynamic_shapes=shapes)


def test_an_exported_program_of_one_size_asks_for_the_module():
    with pytest.raises(NotSupported, match=r"exported by torch\.export for images of 32x32 only") as problem:
        adapter(exported(seeded(PlainConv).eval().features, False)).at_size(OTHER, ["output"])
    assert "torch module itself" in problem.value.next_step


def test_an_exported_program_with_free_sizes_is_cut_as_a_module_is():
    net = seeded(PlainConv).eval().features
    model = adapter(exported(net, True))
    layer = next(name for name in model.layers if name.startswith("max_pool"))
    part, images = model.at_size(OTHER, [layer]), pixels(2, OTHER)
    np.testing.assert_allclose(part.run(images, [layer])[layer], forward(net[:4], images), rtol=1e-5, atol=1e-6)
    assert [*part.layers][-1] == layer


def test_torchscript_gives_its_outputs_at_any_size_that_it_can():
    net = torch.jit.script(seeded(PlainConv).eval().features)
    part, images = adapter(net).at_size(OTHER, ["output"]), pixels(2, OTHER)
    np.testing.assert_allclose(part.run(images, ["output"])["output"], forward(net, images), rtol=1e-5, atol=1e-6)


def test_a_large_image_runs_one_by_one_and_the_weights_can_be_drawn_anew():
    net = seeded(PlainConv).eval()
    size = (1001, 1030)
    part = adapter(net).at_size(size, ["features.2"])
    images = pixels(2, size)
    expected = forward(net.features[:3], images)
    np.testing.assert_allclose(part.run(images, ["features.2"])["features.2"], expected, rtol=1e-4, atol=1e-5)
    drawn = part.randomized(0)
    assert np.abs(drawn.run(images, ["features.2"])["features.2"] - expected).max() > 0.1
    np.testing.assert_array_equal(forward(net.features[:3], images), expected)


def test_no_trace_is_left_in_the_module():
    net = seeded(PlainConv).train()
    before = copy.deepcopy(net.state_dict())
    adapter(net).at_size(OTHER, ["features"]).run(pixels(1, OTHER), ["features"])
    assert net.training and all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not net._forward_hooks and not net.features._forward_hooks
    assert all(parameter.requires_grad for parameter in net.parameters())


def test_class_targets_are_for_models_with_scores():
    part = adapter(seeded(Residual).eval()).at_size(OTHER, ["output"])
    with pytest.raises(Exception, match="score"):
        class_target(part, 1)
