"""Which images `viz maximize` makes: names, places in the sheet, groups, and what is refused."""

import numpy as np
import pytest

from tests.fakes import LinearModel, TensorModel
from tests.techniques.synthesis.making import PhotoList
from viz.core.errors import UnknownName, UsageError
from viz.core.layer import Layer
from viz.core.target import class_target, neuron_target
from viz.techniques.synthesis._wanted_neurons import channel_numbers
from viz.techniques.synthesis.maximize import Maximize

RNG = np.random.default_rng(1)
NAMES = ("cat", "dog", "tin opener", "label maker")


@pytest.fixture
def model() -> LinearModel:
    return LinearModel(RNG.normal(size=(4, 3, 8, 8)), names=NAMES)


@pytest.fixture
def layers() -> TensorModel:
    functions = {"a.conv": lambda x: x, "a.relu": lambda x: x * (x > 0), "b.conv": lambda x: x[:, :2]}
    return TensorModel(functions, (8, 8))


def groups(model, **options):
    return Maximize(**options).pieces(model, PhotoList())


def names(model, **options):
    return [[piece.name for piece in group] for group in groups(model, **options)]


def test_each_target_is_one_image_with_its_own_name(model):
    assert names(model, target=("dog", "0", "cat - 0.5 * dog")) == [["dog", "cat"], ["cat - 0.5 x dog"]]
    assert groups(model, target=("dog",))[0][0].asked.target == class_target(model, 1)


@pytest.mark.parametrize(("text", "found"), [("7", [7]), ("0-3,7", [0, 1, 2, 3, 7]), (" 2 - 3 , 2", [2, 3])])
def test_channels_are_numbers_and_ranges_each_once(text, found):
    assert channel_numbers(text) == found


@pytest.mark.parametrize("text", ["", "a", "3-1", "1,", "-1", "1-2-3", "0-99999999999999", "1.5"])
def test_what_is_no_list_of_channels_is_refused(text):
    with pytest.raises(UsageError, match=f"--channel {text} is not a list of channels"):
        channel_numbers(text)


def test_channels_of_a_layer_are_made_together(layers):
    assert names(layers, layer=("a.conv",), channel="0-1,2") == [["a.conv:0", "a.conv:1", "a.conv:2"]]
    assert names(layers, layer=("a.conv",), channel="1", at="3,4") == [["a.conv:1@3,4"]]


def test_a_grid_has_all_channels_at_one_position_where_one_is_named(layers):
    assert names(layers, layer=("b.conv",), grid=True) == [["b.conv:0", "b.conv:1"]]
    assert names(layers, layer=("b.conv",), grid=True, at="0,7") == [["b.conv:0@0,7", "b.conv:1@0,7"]]
    assert groups(layers, layer=("b.conv",), grid=True)[0][1].asked.target == neuron_target(layers, "b.conv", 1)


def test_several_layers_are_rows_and_their_channels_columns(layers):
    found = groups(layers, layer=("a.*", "b.conv"), channel="0-1")
    assert [len(group) for group in found] == [2, 2, 2]
    spots = [(piece.row, piece.column) for group in found for piece in group]
    assert spots == [(layer, f"channel {c}") for layer in ("a.conv", "a.relu", "b.conv") for c in (0, 1)]


def test_a_single_layer_leaves_the_sheet_to_itself(layers):
    assert {(one.row, one.column) for one in groups(layers, layer=("a.conv",), channel="0-1")[0]} == {("", "")}


def test_starts_of_a_target_are_a_row(model):
    (group,) = groups(model, target=("cat", "dog"), starts=3)
    assert [piece.name for piece in group[:4]] == ["cat start 1", "cat start 2", "cat start 3", "dog start 1"]
    assert [(piece.row, piece.column) for piece in group[2:4]] == [("cat", "start 3"), ("dog", "start 1")]
    assert [piece.asked.start for piece in group] == [0, 1, 2, 0, 1, 2]


def test_starts_of_several_layers_are_told_apart_by_channel(layers):
    (first, *_) = groups(layers, layer=("a.conv", "b.conv"), channel="0-1", starts=2)
    assert first[3].name == "a.conv:1 start 2"
    assert (first[3].row, first[3].column) == ("a.conv", "channel 1 start 2")


def test_many_images_are_made_in_several_groups():
    model = TensorModel({"wide": lambda x: np.repeat(x, 24, axis=1)}, (8, 8))
    assert [len(group) for group in groups(model, layer=("wide",), grid=True)] == [64, 8]
    assert [len(group) for group in groups(model, layer=("wide",), channel="0-1", starts=70)] == [70, 70]


def test_with_diversity_each_target_has_a_group_of_its_own(model):
    assert [len(group) for group in groups(model, target=("cat", "dog"), starts=3, diversity=1.0)] == [3, 3]


def test_classes_and_neurons_of_the_same_layer_are_made_apart(model):
    """Else the classes would lose their others, because a neuron has none."""
    assert names(model, target=("cat", "scores:1")) == [["cat"], ["scores:1"]]


def test_what_is_asked_for_twice_is_made_once(layers, model):
    assert names(model, target=("cat", "0", '"cat"')) == [["cat"]]
    assert names(layers, target=("a.conv:1",), layer=("a.conv",), channel="0-1") == [["a.conv:1", "a.conv:0"]]


def test_targets_with_one_label_are_told_apart_by_their_text(layers, tmp_path):
    texts = []
    for folder, vector in (("x", [1, 0, 0]), ("y", [0, 1, 0])):
        (tmp_path / folder).mkdir()
        np.save(tmp_path / folder / "d.npy", np.array(vector))
        texts.append(f"a.conv along {tmp_path / folder / 'd.npy'}")
    assert names(layers, target=tuple(texts)) == [texts]


@pytest.mark.parametrize(
    "text", ["top1", " top12 ", "label", "top1 - cat", "cat - 0.5 * top2", "box top1", "top1 in mask", "label@3,4"]
)
def test_a_class_of_an_image_is_refused_where_there_is_no_image(model, text):
    with pytest.raises(UsageError, match=r"(top\d+|label) is a class of an image, and there is none yet") as problem:
        groups(model, target=(text,))
    assert f"--target {text}" in problem.value.problem


def test_names_that_only_begin_like_one_are_names(model):
    assert names(model, target=("label maker", "tin opener - label maker")) == [
        ["label maker"],
        ["tin opener - label maker"],
    ]


@pytest.mark.parametrize(
    ("options", "said", "hint"),
    [
        ({}, "what to drive up is not said", "--target CLASS"),
        ({"channel": "1"}, "--channel says where in a layer, and no layer is named", "add --layer"),
        ({"at": "1,2"}, "--at says where in a layer", "add --layer"),
        ({"grid": True, "target": ("cat",)}, "--grid says where in a layer", "add --layer"),
        ({"layer": ("products",)}, "--layer products names no neuron yet", "--grid"),
        ({"layer": ("products",), "at": "1,2"}, "--layer products names no neuron yet", "--grid"),
        ({"layer": ("products",), "channel": "1", "grid": True}, "--grid means all channels", "leave one"),
        ({"layer": ("products",), "channel": "1", "at": "1"}, "--at 1 is not a row and a column", "--at 6,8"),
        ({"layer": ("products",), "channel": "3-5"}, "--channel 3-5: products has no channel 4", "0 to 3"),
        ({"layer": ("products",), "channel": "1", "at": "1,8"}, "--at 1,8: products has no position", "8x8"),
        ({"layer": ("x*",), "channel": "1"}, r"--layer x\*: no layer matches that", "viz layers --model linear.onnx"),
    ],
)
def test_what_cannot_be_is_said_with_its_flag_and_what_to_type(model, options, said, hint):
    with pytest.raises(UsageError, match=said) as problem:
        groups(model, **options)
    assert hint in problem.value.next_step


def test_unknown_names_offer_the_nearest(model):
    with pytest.raises(UnknownName, match="did you mean 'products'"):
        groups(model, layer=("product",), channel="1")
    with pytest.raises(UnknownName, match="did you mean 'cat'"):
        groups(model, target=("catt",))


def test_a_layer_whose_channels_are_not_known_has_no_grid(layers):
    layers.layers["a.conv"] = Layer("a.conv", "Function", (None, None, 8, 8))
    with pytest.raises(UsageError, match=r"--grid: how many channels a\.conv has is not known"):
        groups(layers, layer=("a.conv",), grid=True)


def test_a_box_that_gray_has_not_is_refused_by_name():
    model = TensorModel({"maps": lambda x: x - 2}, (8, 8), names=("r", "g", "b"))
    with pytest.raises(UsageError, match="--target g in mask: ") as problem:
        groups(model, target=("r@1,2", "g in mask"))
    assert problem.value.next_step == "name a class or a neuron"
