"""State dicts with the class of their network: however wrapped, every weight fits or is named."""

import sys

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tests.adapters.torch_models import opened, same_scores, saved
from tests.networks import PlainConv, Residual, seeded
from viz.core.errors import ModelError, UsageError

ARCH = "tests.networks:Residual"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda weights: weights,
        lambda weights: {"state_dict": weights, "epoch": 3},
        lambda weights: {"model": {f"module.{name}": tensor for name, tensor in weights.items()}},
        lambda weights: {f"_orig_mod.module.{name}": tensor for name, tensor in weights.items()},
    ],
)
def test_a_state_dict_is_loaded_however_it_is_wrapped(wrap, tmp_path):
    net = seeded(Residual)
    model = opened(saved(wrap(net.state_dict()), tmp_path / "net.pth"), arch=ARCH)
    same_scores(model, net)
    assert model.source.details["arch"] == ARCH


def test_safetensors_are_loaded_and_told_by_their_content(tmp_path):
    net = seeded(Residual)
    for name in ("net.safetensors", "net.pt"):
        save_file(net.state_dict(), tmp_path / name)
        same_scores(opened(tmp_path / name, arch=ARCH), net)


def test_a_network_whose_own_names_begin_so_keeps_them(tmp_path):
    class Parallel(nn.Module):
        def __init__(self):
            super().__init__()
            self.module = nn.Linear(3, 2)

        def forward(self, x):
            return self.module(x.mean((2, 3)))

    path = saved(Parallel().state_dict(), tmp_path / "net.pt")
    sys.modules[__name__].Parallel = Parallel
    assert opened(path, arch=f"{__name__}:Parallel").scores.classes == 2


def test_older_files_without_batch_counters_are_loaded(tmp_path):
    net = seeded(PlainConv)
    weights = {name: tensor for name, tensor in net.state_dict().items() if "num_batches" not in name}
    assert len(weights) < len(net.state_dict())
    same_scores(opened(saved(weights, tmp_path / "net.pt"), arch="tests.networks:PlainConv"), net)


def test_weights_that_do_not_fit_are_named_and_nothing_is_guessed(tmp_path):
    weights = seeded(Residual).state_dict()
    weights["extra.weight"] = weights.pop("stem.bias")
    weights["fc.weight"] = torch.zeros(3, 8)
    with pytest.raises(ModelError) as error:
        opened(saved(weights, tmp_path / "net.pt"), arch=ARCH)
    assert "it lacks stem.bias" in str(error.value)
    assert "it has besides extra.weight" in str(error.value)
    assert "fc.weight (3x8 in the file, 10x8 in the network)" in str(error.value)


def test_many_missing_weights_are_counted(tmp_path):
    with pytest.raises(ModelError, match=r"it lacks .+, .+, .+ and \d+ more"):
        opened(saved({"stem.bias": torch.zeros(8)}, tmp_path / "net.pt"), arch=ARCH)


def test_a_state_dict_alone_asks_for_the_architecture(tmp_path):
    with pytest.raises(UsageError, match=r"holds weights only.*stem\.weight") as error:
        opened(saved(seeded(Residual).state_dict(), tmp_path / "net.pt"))
    assert "--arch" in error.value.next_step


def test_a_file_without_weights_says_what_it_holds(tmp_path):
    with pytest.raises(ModelError, match="a dict with the keys epoch, lr"):
        opened(saved({"epoch": 3, "lr": 0.1}, tmp_path / "net.pt"), arch=ARCH)
