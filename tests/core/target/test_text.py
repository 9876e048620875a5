"""The grammar of targets: names with spaces, colons and signs; what is a class first; sums."""

import numpy as np
import pytest

from tests.fakes import LinearModel, TensorModel
from viz.core.errors import UsageError
from viz.core.target import check_target, class_target, neuron_target, norm_target, targets_for

RNG = np.random.default_rng(4)
IMAGES = RNG.random((2, 3, 4, 4), np.float32)
ODD = ("box turtle", "cat in mask", "a - b", "like a bird", "layer:norm", "top hat", "3", "salt and pepper")


@pytest.fixture
def classifier() -> LinearModel:
    return LinearModel(RNG.normal(size=(8, 3, 4, 4)), names=ODD)


@pytest.mark.parametrize("name", [name for name in ODD if name != "3"])
def test_a_class_is_a_class_whatever_it_is_called(classifier, name):
    assert targets_for(name, classifier, IMAGES) == [class_target(classifier, ODD.index(name))] * 2
    assert targets_for(f'"{name}"', classifier, IMAGES) == [class_target(classifier, ODD.index(name))] * 2


def test_names_in_quotes_stay_whole_in_a_sum(classifier):
    found = targets_for('"a - b" - top hat + "like a bird"', classifier, IMAGES)[0]
    index = {name: class_target(classifier, i) for i, name in enumerate(ODD)}
    assert found == index["a - b"] - index["top hat"] + index["like a bird"]


ODD_LAYERS = ["/block/conv:0", "a b", "x in mask", "net/Relu:0@1", "conv - bn"]


@pytest.mark.parametrize("layer", ODD_LAYERS)
def test_layers_may_be_called_anything(layer):
    model = TensorModel({layer: lambda x: x}, (4, 4), names=("r", "g", "b"))
    name = f'"{layer}"' if " - " in layer else layer
    assert targets_for(f"{name}:2@1,3", model, IMAGES) == [neuron_target(model, layer, 2, (1, 3))] * 2
    assert targets_for(f"{name}:1", model, IMAGES) == [neuron_target(model, layer, 1)] * 2
    assert targets_for(f"{name}:norm", model, IMAGES) == [norm_target(model, layer)] * 2
    assert targets_for(f"g@1,3 of {name}", model, IMAGES)[0].layers == (layer,)


def test_a_layers_norm_is_the_root_of_the_sum_of_squares(classifier):
    found = norm_target(classifier, "Mul_0").of(classifier.run(IMAGES, ["products"]))
    expected = [np.sqrt((classifier.run(IMAGES, ["products"])["products"][i] ** 2).sum()) for i in range(2)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_classes_of_places_may_have_spaces():
    model = TensorModel({"maps": lambda x: x}, (4, 4), names=("traffic light", "a - b", "jack in the box"))
    for text, label in [
        ("traffic light@1,2", "traffic light@1,2"),
        ('"a - b"@1,2 - traffic light@1,2', "a - b@1,2 - traffic light@1,2"),
        ("jack in the box in 0,0,2,2", "jack in the box in 0,0,2,2"),
    ]:
        assert targets_for(text, model, IMAGES)[0].label == label


def test_sums_say_what_they_are_sums_of(classifier):
    assert targets_for("top hat - products:1", classifier, IMAGES)[0].score == "logit and activation"
    assert targets_for("top hat - 0 + products:1", classifier, IMAGES)[0].score == "logit and activation"
    assert targets_for("top hat - 0", classifier, IMAGES)[0].score == "logit"


@pytest.mark.parametrize("text", ["products", "scores"])
def test_a_bare_layer_is_told_apart_and_both_ways_on_are_named(classifier, text):
    with pytest.raises(UsageError, match=f"'{text}' is a layer") as problem:
        check_target(text, classifier)
    assert f"{text}:0" in problem.value.next_step
    assert f"{text}:norm" in problem.value.next_step


def test_a_sum_without_spaces_is_told_apart(classifier):
    with pytest.raises(UsageError, match="no class is called 'top hat-a'") as problem:
        check_target("top hat-a", classifier)
    assert "needs spaces" in problem.value.next_step


def test_shapes_that_a_model_does_not_tell_are_found_by_a_run():
    from viz.core.adapter import Layer

    model = TensorModel({"maps": lambda x: x}, (4, 4), names=("r", "g", "b"))
    model.layers["maps"] = Layer("maps", "Function", (None, 3, None, None))
    assert targets_for("g in mask", model, IMAGES)[0].label == "g in mask"
