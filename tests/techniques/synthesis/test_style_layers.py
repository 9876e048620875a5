"""Layers of style and content: the paper's for VGG, their like elsewhere, or those that are asked for."""

import numpy as np
import pytest
from torch import nn

import viz
from tests.fakes import TensorModel
from tests.networks import Residual, seeded
from tests.techniques.synthesis.vgg import Vgg, onnx_vgg, relu_of
from viz.adapters import load
from viz.core.errors import NotSupported, UnknownName, UsageError
from viz.core.model_options import ModelOptions
from viz.techniques.synthesis._style_layers import content_layers, style_layers

OPTIONS = ModelOptions(preprocess="unit", size="32", device="cpu")
VGG19 = (2, 2, 4, 4, 4)


@pytest.mark.parametrize("blocks", [(2, 2, 3, 3, 3), VGG19], ids=["16", "19"])
def test_a_file_like_vgg_gets_the_papers_layers(blocks, tmp_path):
    model = load(onnx_vgg(tmp_path / "vgg.onnx", blocks), OPTIONS)
    expected = {f"relu{block}_1": pytest.approx(0.2) for block in range(1, 6)}
    assert style_layers(model, ()) == expected
    assert content_layers(model, ()) == ["relu4_2"]


@pytest.mark.parametrize("blocks", [(2, 2, 3, 3, 3), VGG19], ids=["16", "19"])
def test_a_module_like_vgg_gets_the_papers_layers(blocks):
    model = load(Vgg(blocks).eval(), OPTIONS)
    assert list(style_layers(model, ())) == [relu_of(block, 1, blocks) for block in range(1, 6)]
    assert content_layers(model, ()) == [relu_of(4, 2, blocks)]


@pytest.mark.parametrize("blocks", [(2, 2, 2, 2, 2), (2, 2, 3, 3)])
def test_another_chain_gets_one_layer_for_each_scale(blocks, tmp_path):
    model = (
        load(onnx_vgg(tmp_path / "chain.onnx", blocks), OPTIONS)
        if len(blocks) == 5
        else load(nn.Sequential(Vgg((2, 2, 3, 3)).features, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval(), OPTIONS)
    )
    found = style_layers(model, ())
    assert len(found) == len(blocks)
    assert sum(found.values()) == pytest.approx(1)
    sizes = [model.layers[name].shape[2] for name in found]
    assert sizes == [32, 16, 8, 4, 2][: len(blocks)]
    (content,) = content_layers(model, ())
    assert model.layers[content].shape[2] == 4, "where positions are 8 pixels apart"


def test_a_network_with_branches_is_no_vgg(tmp_path):
    model = load(onnx_vgg(tmp_path / "branch.onnx", branch=True), OPTIONS)
    assert content_layers(model, ()) == ["relu4_3"], "the last of its scale, and not conv4_2"


def test_a_residual_network_gets_one_for_each_scale():
    model = load(seeded(Residual), OPTIONS)
    assert {model.layers[name].shape[2] for name in style_layers(model, ())} == {16}


def test_the_built_in_model_gets_the_first_of_the_widest_at_each_scale():
    model = viz.load("zoo:shapes")
    shapes = [model.layers[name].shape[1:] for name in style_layers(model, ())]
    assert [shape[1] for shape in shapes] == sorted((shape[1] for shape in shapes), reverse=True)
    assert len({shape[1] for shape in shapes}) == len(shapes)


class Fully(nn.Module):
    """It ends in a map for each of nine classes, which are averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 6, 3, stride=4, padding=1), nn.ReLU())
        self.last = nn.Sequential(nn.Conv2d(6, 9, 1), nn.ReLU())

    def forward(self, x):
        return self.last(self.first(x)).mean((2, 3))


def test_maps_of_the_classes_are_no_style():
    """They are the widest of their scale, and say what the classifier says."""
    model = load(seeded(Fully), OPTIONS)
    assert model.scores.classes == 9
    assert list(style_layers(model, ())) == content_layers(model, ()) == ["first.1"]


def test_a_network_without_feature_maps_is_refused_with_what_to_type():
    for find in (style_layers, content_layers):
        with pytest.raises(NotSupported, match="no feature maps, whose channels could make a style") as problem:
            find(TensorModel({"vector": lambda x: x[:, :, 0, 0]}, (8, 8)), ())
        assert "--style-layer NAME" in problem.value.next_step


@pytest.fixture
def model() -> TensorModel:
    functions = {
        "a": lambda x: x,
        "b": lambda x: x[:, :, ::2, ::2],
        "b=1": lambda x: x[:, :2],
        "v": lambda x: x[:, :, 0, 0],
    }
    return TensorModel({**functions, "last": lambda x: np.moveaxis(np.asarray(x), 1, 3)}, (8, 8))


def test_weights_are_shares_of_their_sum(model):
    assert style_layers(model, ("a=3", "b=1")) == {"a": 0.75, "b=1": 0.25}
    assert style_layers(model, ("a", "b")) == {"a": 0.5, "b": 0.5}
    assert style_layers(model, ("a=0.5", "b")) == {"a": pytest.approx(1 / 3), "b": pytest.approx(2 / 3)}
    assert style_layers(model, ("b=1=3", "a")) == {"b=1": 0.75, "a": 0.25}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("a=x",), "--style-layer a=x: 'x' is no weight of 0 or more"),
        (("a=-1",), "'-1' is no weight"),
        (("a=nan",), "'nan' is no weight"),
        (("a=inf",), "'inf' is no weight"),
        (("a=0", "b=0"), "all --style-layer have the weight 0"),
        (("a", "b", "a=2"), "--style-layer a=2: a is named twice"),
        (("last",), "--style-layer last has its channels last"),
    ],
)
def test_layers_and_weights_that_cannot_be_are_refused(model, asked, said):
    with pytest.raises(UsageError, match=said):
        style_layers(model, asked)


def test_unknown_layers_are_told_without_their_weight(model):
    with pytest.raises(UnknownName, match="no layer is called 'c'"):
        style_layers(model, ("c=0.5",))
    with pytest.raises(UnknownName, match="no layer is called 'c'"):
        content_layers(model, ("c",))


def test_content_layers_are_taken_as_asked_each_once(model):
    assert content_layers(model, ("b", "a", "b")) == ["b", "a"]
    with pytest.raises(UsageError, match="--content-layer last has its channels last"):
        content_layers(model, ("last",))
