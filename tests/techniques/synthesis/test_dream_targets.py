"""Which layer a dream is of where nobody says, and what is driven up there."""

from collections.abc import Sequence

import pytest

from tests.fakes import TensorModel
from viz.core.errors import NotSupported
from viz.core.layer import Layer
from viz.techniques.synthesis._dream_targets import dream_layer, dream_target
from viz.techniques.synthesis._energy import Energy, NeuronEnergy
from viz.techniques.synthesis.dream import Dream


def network(*layers: tuple[str, str, int]) -> TensorModel:
    """Layers (name, operator, stride) of an image of 64 x 96."""
    functions = {name: lambda x, stride=stride: x[:, :, ::stride, ::stride] for name, _, stride in layers}
    model = TensorModel(functions, (64, 96))
    for name, op, _ in layers:
        model.layers[name] = Layer(name, op, model.layers[name].shape)
    return model


DEEP = [("a", "Relu", 4), ("b", "Relu", 16), ("c", "Add", 16), ("d", "Conv", 16), ("e", "Relu", 32)]


@pytest.mark.parametrize(
    ("layers", "chosen"),
    [
        (DEEP, "c"),  # the last at 16 that is no mere step on the way
        ([*DEEP[:3], ("f", "Concat", 16), ("g", "Relu", 16)], "f"),  # it ends there: not what the classifier says
        ([("a", "Relu", 2), ("b", "Relu", 4), ("c", "Relu", 8)], "b"),
        ([("a", "Conv", 8), ("b", "Conv", 16), ("c", "Gemm", 64)], "b"),
    ],
)
def test_the_layer_is_in_the_upper_middle_and_named(layers: Sequence[tuple[str, str, int]], chosen: str):
    model = network(*layers)
    assert dream_layer(model, None) == chosen
    assert model.notes[0].startswith(f"dreams with layer '{chosen}'")


def test_a_layer_that_is_asked_for_is_taken_without_a_word():
    model = network(*DEEP)
    assert dream_layer(model, "a") == "a"
    assert model.notes == []


def test_a_network_without_positions_needs_a_layer():
    with pytest.raises(NotSupported, match="no layer with positions"):
        dream_layer(network(("a", "Gemm", 128)), None)


def test_targets_are_named_by_what_is_squared():
    model = network(*DEEP)
    whole = dream_target(Dream(layer="a"), model, "a")
    assert (whole.label, whole.terms[0].reading, whole.score) == ("a squared", Energy("a"), "energy")
    channel = dream_target(Dream(layer="a", channel=2), model, "a")
    assert (channel.label, channel.terms[0].reading) == ("a:2 squared", Energy("a", 2))
    neuron = dream_target(Dream(layer="a", channel=2, at="3, 4"), model, "a")
    assert (neuron.label, neuron.terms[0].reading) == ("a:2@3,4 squared", NeuronEnergy("a", 2, (3, 4)))


def test_the_same_target_is_equal_so_that_tiles_are_read_at_once():
    model = network(*DEEP)
    assert dream_target(Dream(layer="a"), model, "a") == dream_target(Dream(layer="a"), model, "a")
