"""TorchScript: the outputs, and what they are."""

import pytest
import torch
from torch import nn

from tests.adapters.torch_models import Wrapped, adapter, opened, same_scores
from tests.networks import CLASSES, PlainConv, Residual, seeded
from viz.core.adapter import Scores
from viz.core.errors import UsageError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def scripted(net, path):
    torch.jit.save(torch.jit.trace(net, torch.rand(1, 3, 32, 32)), path)
    return path


@pytest.mark.parametrize("network", [PlainConv, Residual])
def test_torchscript_is_told_by_its_content_and_gives_the_same_scores(network, tmp_path):
    net = seeded(network)
    model = opened(scripted(net, tmp_path / "net.pth"))
    same_scores(model, net)
    assert list(model.layers) == ["output"]
    assert model.layers["output"].parameters == sum(p.numel() for p in net.parameters())
    assert model.layers["output"].macs is None
    assert any("TorchScript shows only its outputs" in note for note in model.notes)
    assert model.preprocess.channels == "rgb"


def test_torchscript_saved_in_training_mode_is_run_in_evaluation_mode(tmp_path):
    net = seeded(PlainConv)
    script = torch.jit.script(net)
    script.train()
    script.save(str(tmp_path / "net.pt"))
    same_scores(opened(tmp_path / "net.pt"), net)


@pytest.mark.parametrize("after", [nn.Softmax(1), nn.Sigmoid()])
def test_probabilities_at_the_end_of_torchscript_are_not_squashed_again(after, tmp_path):
    model = opened(scripted(seeded(lambda: Wrapped(PlainConv(), after)), tmp_path / "net.pt"))
    assert model.scores == Scores(CLASSES, None, "output", "none")


def test_log_probabilities_at_the_end_of_torchscript_are_known_as_such(tmp_path):
    model = opened(scripted(seeded(lambda: Wrapped(PlainConv(), nn.LogSoftmax(1))), tmp_path / "net.pt"))
    assert model.scores == Scores(CLASSES, "output", None, "exp")


def test_options_for_state_dicts_are_refused(tmp_path):
    path = scripted(seeded(Residual), tmp_path / "net.pt")
    with pytest.raises(UsageError, match="--arch is for state dicts"):
        opened(path, arch="tests.networks:Residual")
    with pytest.raises(UsageError, match="--model-arg is for state dicts"):
        opened(path, model_arg=("a=1",))


def test_a_scripted_part_of_a_module_is_a_layer():
    net = seeded(lambda: Wrapped(nn.Identity(), torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()))))
    layers = adapter(net).layers
    assert list(layers) == ["net", "after", "output"]
    assert (layers["after"].op, layers["after"].parameters, layers["after"].macs) == ("TorchScript", 112, None)


def test_frozen_torchscript_which_has_no_training_flag_runs():
    net = seeded(PlainConv)
    same_scores(adapter(torch.jit.freeze(torch.jit.script(net))), net)
