"""Which layers are inverted: names and patterns, a network's stages, some of them over the depth."""

import numpy as np
import pytest
import torch
from torch import nn

import viz
from tests.fakes import TensorModel
from tests.networks import Residual, TinyViT, seeded
from tests.techniques.synthesis.making import PhotoList, photo
from viz.adapters import load
from viz.core.errors import NotSupported, UnknownName, UsageError
from viz.core.layer import Layer
from viz.core.model_options import ModelOptions
from viz.techniques.synthesis._layer_choice import chosen_layers, depth_of, problems, spread
from viz.techniques.synthesis._stages import begins, stages
from viz.techniques.synthesis.invert import Invert


@pytest.fixture
def shapes():
    return viz.load("zoo:shapes")


STAGES = "stem.relu stages.0.relu1 stages.0.norm2 stages.0.relu2 stages.1.relu1 stages.1.norm2 stages.1.relu2".split()
STAGES += "stages.2.relu1 stages.2.norm2 stages.2.relu2 pool".split()


def test_all_is_one_layer_for_each_stage_without_copies(shapes):
    assert chosen_layers(Invert(layers="all"), shapes) == [*STAGES, "logits"]
    assert shapes.notes == [
        "inverting 12 of 33 layers, one for each stage. Steps within a stage (a convolution before its activation, "
        "a reshape): --layer NAME"
    ]


def test_containers_of_a_torch_module_are_not_taken_twice():
    assert stages(viz.load("zoo:shapes-torch")) == [*STAGES, "classifier"]


def test_what_is_left_out_is_said(shapes):
    kept = chosen_layers(Invert(layers="all", most=4), shapes)
    assert kept == ["stem.relu", "stages.1.relu1", "stages.2.relu1", "logits"]
    assert "left out, to keep to --most 4: stages.0.relu1, stages.0.norm2" in shapes.notes[-1]


def test_by_default_five_layers_over_the_depth_are_named(shapes):
    kept = chosen_layers(Invert(), shapes)
    assert kept == ["stem.relu", "stages.0.relu2", "stages.1.relu2", "stages.2.norm2", "logits"]
    assert shapes.notes[-1].startswith("inverting 5 of 33 layers: stem.relu, stages.0.relu2")


def test_layers_are_named_by_name_alias_and_pattern_in_the_order_of_the_network(shapes):
    assert chosen_layers(Invert(layer=("classifier", "stages.?.add", "stem.relu")), shapes) == [
        "stem.relu",
        "stages.0.add",
        "stages.1.add",
        "stages.2.add",
        "logits",
    ]
    assert shapes.notes == []


def test_a_name_that_means_no_layer_is_refused(shapes):
    with pytest.raises(UnknownName, match="stem"):
        chosen_layers(Invert(layer=("stem.rleu",)), shapes)
    with pytest.raises(UsageError, match="no layer matches"):
        chosen_layers(Invert(layer=("x*",)), shapes)


def test_a_residual_network_gives_sums_rather_than_summands():
    network = load(seeded(Residual).eval(), ModelOptions(size="32"))
    kept = stages(network)
    ops = [network.layers[name].op.lower() for name in kept]
    assert ops[-1] in ("linear", "flatten", "residual")
    assert ops.count("relu") >= 3


def test_a_transformer_has_stages_too():
    network = load(seeded(TinyViT).eval(), ModelOptions(size="32"))
    assert len(stages(network)) >= 4


def test_scores_and_probabilities_are_two_stages():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5), nn.Softmax(1))
    kept = stages(load(network.eval(), ModelOptions(size="16")))
    assert kept == ["0", "1", "3", "4"]


def test_what_is_done_to_the_input_before_the_first_stage_is_none():
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert stages(load(network.eval(), ModelOptions(size="16"))) == ["2", "3"]


def test_layers_without_a_gradient_are_no_stages_and_why_is_said():
    class Rounding(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

        def forward(self, x):
            x = self.first(x)
            hard = (x > 0).float().mean((2, 3))
            return self.last(hard)

    network = load(Rounding().eval(), ModelOptions(size="16"))
    assert stages(network) == ["first"]
    assert dict(problems(network, ["first", "last"])) == {"last": "no gradient reaches the pixels from it"}


def test_a_model_none_of_whose_layers_can_be_inverted_is_refused():
    def lost(images):
        if isinstance(images, torch.Tensor):
            return images.detach().flatten(1)
        return images.reshape(len(images), -1)

    model = TensorModel({"lost": lost}, (8, 8))
    model.layers = {"lost": Layer("lost", "Conv", (None, 192))}
    with pytest.raises(NotSupported, match="no layer of tensors can be inverted"):
        Invert().pieces(model, PhotoList(photo(8, 8)))


@pytest.mark.parametrize(
    ("op", "macs", "shape", "expected"),
    [
        ("Conv", 100, (None, 4, 8, 8), True),
        ("QLinearConv", None, (None, 4, 8, 8), True),
        ("QuantizeLinear", 0, (None, 4, 8, 8), False),
        ("MaxPool2d", 0, (None, 4, 8, 8), True),
        ("Relu", 0, (None, 4, 8, 8), False),
        ("Softmax", 0, (None, 10), True),
        ("Softmax", 0, (None, 10, 1, 1), True),
        ("Softmax", 0, (None, 2, 16, 16), False),
    ],
)
def test_what_a_stage_begins_with(op, macs, shape, expected):
    assert begins(Layer("x", op, shape, macs=macs)) is expected


def test_a_spread_has_both_ends_and_equal_distances():
    letters = list("abcdefghi")
    assert spread(letters, 3) == ["a", "e", "i"]
    assert spread(letters, 1) == ["i"]
    assert spread(letters, 9) == spread(letters, 20) == letters
    assert len(set(spread(letters, 8))) == 8


def test_depth_goes_from_nought_to_one(shapes):
    assert (depth_of(shapes, "stem.conv"), depth_of(shapes, "logits")) == (0, 1)
    assert np.all(np.diff([depth_of(shapes, name) for name in shapes.layers]) > 0)
