"""A torch module is as it was after every run: hooks, flags, weights, fitness for training."""

import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.modules import module as torch_hooks

from tests.adapters.torch_models import adapter, forward, pixels, read
from tests.networks import PlainConv, Residual, TinyViT, seeded
from viz.core.errors import ModelError


class FailsOnBright(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.training_seen = []

    def forward(self, x):
        self.training_seen.append(self.training)
        x = self.conv(x)
        if x.shape[-1] != 30:
            raise ValueError("I take 32x32 pixels")
        return x.mean((2, 3))


def hooks_of(net):
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return [hook for part in net.modules() for kind in kinds for hook in getattr(part, kind)] + [
        *torch_hooks._global_forward_hooks,
        *torch_hooks._global_forward_pre_hooks,
        *torch_hooks._global_forward_hooks_always_called,
    ]


def test_no_hook_stays_behind():
    net = seeded(Residual)
    model = adapter(net)
    model.run(pixels(), list(model.layers))
    assert hooks_of(net) == []


def test_no_hook_and_no_flag_stays_behind_after_an_error():
    net = FailsOnBright().train()
    model = adapter(net)
    with pytest.raises(ModelError, match="I take 32x32 pixels"):
        model.run(pixels(size=(40, 40)), ["conv"])
    assert hooks_of(net) == []
    assert net.training and net.conv.training
    assert len(read(model, "conv", pixels())) == 2, "and it still runs"


def test_training_mode_is_off_during_a_run_and_every_flag_as_before_afterwards():
    net = FailsOnBright().train()
    net.conv.eval()
    before = [part.training for part in net.modules()]
    adapter(net).run(pixels(), ["conv"])
    assert net.training_seen and not any(net.training_seen)
    assert [part.training for part in net.modules()] == before == [True, False]


def test_dropout_and_batch_statistics_are_those_of_evaluation():
    net, images = seeded(PlainConv), pixels()
    expected = forward(net, images)
    net.train()
    statistics = net.features[1].running_mean.clone()
    np.testing.assert_allclose(read(adapter(net), "output", images), expected, atol=1e-6)
    assert torch.equal(net.features[1].running_mean, statistics)
    assert net.training and net.classifier[1].training


def test_a_module_that_overrides_train_is_not_asked_to():
    class Frozen(PlainConv):
        def train(self, mode=True):
            raise AssertionError("left alone")

    net = seeded(PlainConv)
    net.__class__ = Frozen
    assert adapter(net).run(pixels(), ["features.0"])


def test_weights_gradients_and_attributes_are_as_before():
    net = seeded(TinyViT)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    attributes = {id(part): set(vars(part)) for part in net.modules()}
    model = adapter(net)
    model.run(pixels(), list(model.layers))
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in net.parameters())
    assert {id(part): set(vars(part)) for part in net.modules()} == attributes


def test_what_a_module_caches_during_a_run_is_still_fit_for_training():
    class Caches(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3))
            self.grid = None

        def forward(self, x):
            if self.grid is None:
                self.grid = torch.linspace(0, 1, 3)
            return x.mean((2, 3)) * (self.weight * self.grid)

    net = Caches()
    adapter(net).run(pixels(), ["mean_0"])
    net(torch.rand(2, 3, 32, 32)).sum().backward()
    assert net.weight.grad is not None and net.weight.grad[2] > 0


def test_modules_that_run_in_other_threads_are_not_mistaken_for_parts_of_this_model():
    class Busy(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            other = threading.Thread(target=lambda: nn.ReLU()(x))
            other.start()
            other.join()
            return self.conv(x).mean((2, 3))

    assert list(adapter(Busy()).layers) == ["conv", "mean_0", "output"]


def test_a_model_that_catches_errors_of_its_parts_keeps_its_names():
    class Tries(nn.Module):
        def __init__(self):
            super().__init__()
            self.broken, self.conv = FailsOnBright(), nn.Conv2d(3, 4, 3)

        def forward(self, x):
            try:
                x = self.broken(x[:, :, 1:])
            except ValueError:
                x = self.conv(x)
            return x.relu().mean((2, 3))

    assert list(adapter(Tries(), size=(30, 30)).layers) == [
        "getitem_0", "broken.conv", "conv", "relu_0", "mean_0", "output",
    ]  # fmt: skip


def test_compiled_and_parallel_wrappers_are_looked_through():
    net = seeded(Residual)
    names = list(adapter(net).layers)
    assert list(adapter(nn.DataParallel(net)).layers) == names
    assert list(adapter(torch.compile(net)).layers) == names
