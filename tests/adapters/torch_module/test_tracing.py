"""Gradients of torch models: those of plain autograd, at pixels and at layers, and no trace left in the module."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # as everyone writes it
from torch import nn
from torch.nn.modules import module as torch_hooks

from tests.adapters.torch_models import adapter, pixels
from tests.networks import Depthwise, PlainConv, Residual, SqueezeExcite, TinyViT, seeded
from viz.adapters.torch_module.adapter import TorchAdapter
from viz.core.adapter import ModelSource
from viz.core.errors import ModelError, NotSupported, OutOfMemory
from viz.core.gradients import gradients_at, input_gradients
from viz.core.preprocess import Preprocess
from viz.core.target import class_target, neuron_target

NETS = [PlainConv, Residual, Depthwise, SqueezeExcite, TinyViT]


def gradients(model, images, layers=(), rule="plain", channel=3):
    return input_gradients(model, images, [class_target(model, channel)] * len(images), rule, layers)


def by_autograd(function, images, channel=3):
    x = torch.from_numpy(images).requires_grad_()
    return torch.autograd.grad(function(x)[:, channel].sum(), [x])[0].numpy()


def exported(net, batch="free"):
    free = {"x": {0: torch.export.Dim("b")}} if batch == "free" else None
    return torch.export.export(net, (torch.rand(2 if batch == "free" else batch, 3, 32, 32),), dynamic_shapes=free)


@pytest.mark.parametrize("make", NETS)
def test_pixel_gradients_are_those_of_autograd(make):
    net, images = seeded(make).eval(), pixels()
    np.testing.assert_allclose(gradients(adapter(net), images).pixels, by_autograd(net, images), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("make", NETS)
def test_an_exported_program_gives_the_gradients_of_its_module(make):
    net, images = seeded(make).eval(), pixels(3)
    found = gradients(adapter(exported(net)), images).pixels
    np.testing.assert_allclose(found, by_autograd(net, images), rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("make", NETS)
def test_values_are_those_of_run_for_every_layer(make):
    model, images = adapter(seeded(make)), pixels()
    names = list(model.layers)
    found, expected = model.trace(torch.from_numpy(images), names).values, model.run(images, names)
    for name in names:
        assert found[name].dtype == torch.float32
        np.testing.assert_allclose(found[name].numpy(), expected[name], atol=1e-5)


def test_gradients_at_layers_are_those_of_the_network_from_there_on():
    """Every layer of the stem and the first block, those overwritten in place included."""
    net, images = seeded(Residual).eval(), pixels()
    block = net.layer1[0]

    def from_stem(x):
        return from_relu(F.relu(x))

    def from_relu(x):
        return from_sum(block.bn2(block.conv2(F.relu(block.bn1(block.conv1(x))))) + x)

    def from_sum(x):
        return net.fc(net.layer1[1](F.relu(x)).mean((2, 3)))

    model = adapter(net)
    starts = {"stem": from_stem, "relu_0": from_relu, "layer1.0.add_0": from_sum}
    found = gradients(model, images, tuple(starts))
    for name, rest in starts.items():
        values = model.run(images, [name])[name]
        np.testing.assert_array_equal(found.activations[name], values)
        expected = by_autograd(lambda x, rest=rest: rest(x * 1.0), values)
        np.testing.assert_allclose(found.layers[name], expected, rtol=1e-4, atol=1e-7)


def test_gradients_at_layers_with_the_batch_elsewhere_come_batch_first():
    class TimeFirst(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.out = nn.Linear(96, 6), nn.Linear(6, 4)

        def forward(self, x):
            rows = self.fc(x.permute(2, 0, 1, 3).flatten(2))  # (32, b, 6)
            return self.out(rows.tanh().mean(0))

    net, images = seeded(TimeFirst).eval(), pixels(3)
    found = gradients(adapter(net), images, ("fc",), channel=1)
    assert found.layers["fc"].shape == found.activations["fc"].shape == (3, 32, 6)
    expected = by_autograd(lambda rows: net.out(rows.tanh().mean(1)), found.activations["fc"], 1)
    np.testing.assert_allclose(found.layers["fc"], expected, rtol=1e-5, atol=1e-9)


def test_an_inner_target_has_its_own_gradient():
    net, images = seeded(PlainConv).eval(), pixels()
    model = adapter(net)
    found = input_gradients(model, images, [neuron_target(model, "features.4", 5, (2, 3))] * 2)
    expected = by_autograd(lambda x: net.features[:5](x)[:, :, 2, 3], images, 5)
    np.testing.assert_allclose(found.pixels, expected, rtol=1e-5, atol=1e-9)


def test_preprocessing_is_part_of_the_gradient():
    net, images = seeded(PlainConv).eval(), pixels()
    wanted = Preprocess(size=(32, 32), mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.1), channels="bgr", range=(0, 2))
    model = TorchAdapter(net, ModelSource("net", "net", "", "torch"), preprocess=wanted)
    gradient = by_autograd(net, wanted.encode(images))
    expected = gradient[:, ::-1] * 2 / np.array((0.1, 0.3, 0.2), np.float32)[:, None, None]
    np.testing.assert_allclose(gradients(model, images).pixels, expected, rtol=1e-4, atol=1e-8)


def test_a_program_for_two_images_gives_five_their_gradients_also_at_layers():
    net, images = seeded(PlainConv).eval(), pixels(5)
    model = adapter(exported(net, batch=2))
    name = model.matching("features.4")[0].name
    free = adapter(exported(net))
    trace = model.trace(torch.from_numpy(images).requires_grad_(), [name, "output"])
    (at_layer,) = gradients_at(trace.values["output"][:, 3].sum(), [trace.edge(name)])
    expected = gradients(free, images, (free.matching("features.4")[0].name,))
    np.testing.assert_allclose(gradients(model, images).pixels, expected.pixels, rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(at_layer.numpy(), next(iter(expected.layers.values())), rtol=1e-4, atol=1e-8)


def test_half_precision_runs_in_its_own_type_and_gives_float32():
    net, images = seeded(PlainConv).eval(), pixels()
    expected = by_autograd(net, images)
    model = adapter(copy.deepcopy(net).to(torch.bfloat16))
    found = gradients(model, images, ("features.4",))
    assert found.pixels.dtype == found.layers["features.4"].dtype == np.float32
    assert np.corrcoef(found.pixels.ravel(), expected.ravel())[0, 1] > 0.98  # some maxima have other winners


def test_torchscript_has_plain_gradients_and_no_rule():
    net, images = seeded(PlainConv).eval(), pixels()
    model = adapter(torch.jit.trace(copy.deepcopy(net), torch.rand(1, 3, 32, 32)))
    np.testing.assert_allclose(gradients(model, images).pixels, by_autograd(net, images), rtol=1e-4, atol=1e-8)
    for rule in ("guided", "deconvnet", "lrp-epsilon", "lrp-epsilon-plus-flat"):
        with pytest.raises(NotSupported, match="TorchScript"):
            gradients(model, images, rule=rule)


@pytest.mark.parametrize("rule", ["guided", "deconvnet", "lrp-epsilon", "lrp-epsilon-plus-flat"])
def test_torchscript_inside_a_module_is_found(rule):
    class Mixed(PlainConv):
        def forward(self, x):
            return self.classifier(self.script(F.relu(self.features(x))))

    net = seeded(Mixed).eval()
    net.script = torch.jit.script(nn.Sequential(nn.Conv2d(16, 16, 1), nn.ReLU()))
    model = adapter(net)
    for _ in range(3):  # TorchScript changes its ways after the first runs
        with pytest.raises(NotSupported, match="cannot see"):
            gradients(model, pixels(), rule=rule)


@pytest.mark.parametrize("make", [PlainConv, Residual])
@pytest.mark.parametrize("rule", ["guided", "deconvnet", "lrp-epsilon", "lrp-epsilon-plus-flat"])
def test_a_module_and_its_exported_program_agree_under_every_rule(rule, make):
    net, images = seeded(make).eval(), pixels()
    one, other = (gradients(model, images, rule=rule) for model in (adapter(net), adapter(exported(net))))
    assert one.changed["relu"] == other.changed["relu"]
    largest = np.abs(one.pixels).max()
    assert largest > 0
    np.testing.assert_allclose(one.pixels, other.pixels, atol=1e-4 * largest)


class Shapes(nn.Module):
    """The same network four ways."""

    def __init__(self, way):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3) for a, b in ((3, 6), (6, 6), (6, 4)))
        self.shared, self.own = nn.ReLU(), nn.ModuleList(nn.ReLU(inplace=True) for _ in range(3))
        self.way = way

    def forward(self, x):
        for conv, own in zip(self.convs, self.own, strict=True):
            x = conv(x)
            x = {"functional": F.relu, "in place": own, "shared": self.shared, "method": Tensor_relu}[self.way](x)
        return x.mean((2, 3))


def Tensor_relu(x):
    return x.relu_()


@pytest.mark.parametrize("rule", ["guided", "deconvnet", "lrp-epsilon", "lrp-epsilon-plus-flat"])
def test_functional_in_place_and_shared_rectifiers_give_the_same_map(rule):
    images, maps = pixels(), []
    for way in ("functional", "in place", "shared", "method"):
        torch.manual_seed(0)
        maps.append(gradients(adapter(Shapes(way)), images, rule=rule).pixels)
    assert np.abs(maps[0]).max() > 0
    for other in maps[1:]:
        np.testing.assert_allclose(other, maps[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("rule", ["plain", "guided", "lrp-epsilon-plus-flat"])
def test_nothing_of_the_module_changes(rule):
    net = seeded(Residual).train()
    net.layer1[0].conv1.weight.requires_grad_(False)
    net.layer1[1].eval()

    def state():
        tensors = [*net.parameters(), *net.buffers()]
        kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
        return (
            [tensor.detach().numpy().tobytes() for tensor in tensors],
            [(tensor.requires_grad, tensor.grad, tensor._version) for tensor in tensors],
            [part.training for part in net.modules()],
            [len(getattr(part, kind)) for part in net.modules() for kind in kinds],
            [set(vars(part)) for part in net.modules()],
            len(torch_hooks._global_forward_hooks) + len(torch_hooks._global_forward_pre_hooks),
            torch._C._len_torch_function_stack(),
        )

    model, images, before = adapter(net), torch.from_numpy(pixels()).requires_grad_(), state()
    trace = model.trace(images, ["layer1.0.conv1", "output"], rule)
    trace.values["output"][:, 3].sum().backward()
    assert images.grad.abs().sum() > 0
    assert state() == before


def test_nothing_of_the_module_changes_after_an_error_either():
    class Fails(PlainConv):
        def forward(self, x):
            if x.requires_grad:
                raise ValueError("no gradients, please")
            return super().forward(x)

    net = seeded(Fails).train()
    with pytest.raises(ModelError, match="no gradients, please"):
        gradients(adapter(net), pixels())
    assert all(p.requires_grad and p.grad is None for p in net.parameters())
    assert all(part.training for part in net.modules())
    assert torch._C._len_torch_function_stack() == 0


def test_running_out_of_memory_is_told_apart():
    class Greedy(PlainConv):
        def forward(self, x):
            if x.requires_grad:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().forward(x)

    with pytest.raises(OutOfMemory):
        gradients(adapter(seeded(Greedy)), pixels())


def test_weights_from_inference_mode_are_refused_in_words():
    with torch.inference_mode():
        net = seeded(PlainConv).eval()
    with pytest.raises(NotSupported, match=r"made in torch\.inference_mode"):
        gradients(adapter(net), pixels())
    gradients(adapter(copy.deepcopy(net)), pixels())  # what the message advises


def test_a_view_that_is_overwritten_is_refused_rather_than_given_no_gradient():
    class Overwrites(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            rows = self.conv(x).flatten(2)
            return F.relu(rows, inplace=True).mean(2)

    model = adapter(seeded(Overwrites))
    with pytest.raises(NotSupported, match="'flatten_0' is a view that the model overwrites"):
        gradients(model, pixels(), ("flatten_0",))
    assert np.abs(gradients(model, pixels(), ("relu_0",)).layers["relu_0"]).max() > 0


def test_a_path_without_gradients_is_an_error():
    class Steps(PlainConv):
        def forward(self, x):
            return super().forward(x).detach() * 2

    with pytest.raises(NotSupported, match="no gradient of this target reaches the pixels"):
        gradients(adapter(seeded(Steps)), pixels())


def test_without_autograd_the_values_come_all_the_same():
    model, images = adapter(seeded(PlainConv)), pixels()
    with torch.no_grad():
        found = model.trace(torch.from_numpy(images), ["output"]).values["output"]
    assert not found.requires_grad
    np.testing.assert_allclose(found.numpy(), model.run(images, ["output"])["output"], atol=1e-6)
