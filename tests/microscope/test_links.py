"""Links between channels, on weights that are written down here."""

import numpy as np
import pytest

from tests.fakes import TensorModel
from viz.core.errors import NotSupported
from viz.core.kernel import Kernel
from viz.microscope.links import links


class Weighted(TensorModel):
    """A model whose layers have the kernels that it is given, by layer; what it computes does not matter."""

    def __init__(self, kernels):
        super().__init__({"x": lambda images: images}, (4, 4))
        self.given = kernels

    def kernel(self, name):
        if name not in self.given:
            raise NotSupported(f"{name} has no weights")
        return self.given[name]

    def channels_of(self, name):
        return self.given[name].layer if name in self.given else name


def kernel(layer, weights, source, groups=1):
    weights = np.asarray(weights, np.float32)
    return Kernel(layer, "Conv", weights, np.zeros(len(weights), np.float32), groups, source=source)


def spread(strengths, side=2):
    """Weights (o, i, side, side) of these lengths: all in one tap, with a sign, at another place each time."""
    strengths = np.asarray(strengths, np.float32)
    weights = np.zeros((*strengths.shape, side, side), np.float32)
    for place, (o, i) in enumerate(np.ndindex(strengths.shape)):
        weights[o, i].flat[place % side**2] = strengths[o, i] * (-1) ** place
    return weights


def pairs(one):
    return [(found["channel"], round(found["strength"], 5)) for found in one["channels"]]


STRENGTHS = [[0.1, 3.0, 0.0], [2.0, 1.0, 0.5]]  # two outputs, three inputs


@pytest.fixture
def chain():
    """conv1 (three channels) -> relu1 -> conv2 (two channels)."""
    first = kernel("conv1", np.ones((3, 3, 1, 1)), "")
    return Weighted({"conv1": first, "relu1": first, "conv2": kernel("conv2", spread(STRENGTHS), "conv1")})


def test_a_channel_is_fed_most_by_the_input_with_the_longest_weights(chain):
    found = links(chain, {"conv1": range(3), "conv2": range(2)})
    (fed,) = found["conv2"][0]["fed"]
    assert fed["layer"] == "conv1" and pairs(fed) == [(1, 3.0), (0, 0.1)]  # an input of weight 0 feeds nothing
    assert pairs(found["conv2"][1]["fed"][0]) == [(0, 2.0), (1, 1.0), (2, 0.5)]


def test_a_channel_feeds_most_the_output_with_the_longest_weights(chain):
    found = links(chain, {"conv1": range(3), "conv2": range(2)})
    assert [pairs(found["conv1"][channel]["feeds"][0]) for channel in range(3)] == [
        [(1, 2.0), (0, 0.1)],
        [(0, 3.0), (1, 1.0)],
        [(1, 0.5)],
    ]
    assert "fed" not in found["conv1"][0] and "feeds" not in found["conv2"][0]


def test_a_strength_is_the_length_of_all_weights_between_two_channels():
    model = Weighted({"b": kernel("b", np.array([[[[3.0, 0], [0, -4.0]]]]), "a")})
    found = links(model, {"b": [0]})
    assert pairs(found["b"][0]["fed"][0]) == [(0, 5.0)]


def test_an_activation_that_is_looked_at_stands_for_its_convolution(chain):
    found = links(chain, {"relu1": range(3), "conv2": range(2)})
    assert found["conv2"][0]["fed"][0]["layer"] == "relu1"
    assert found["relu1"][1]["feeds"][0]["layer"] == "conv2"


def test_a_sum_that_is_looked_at_after_its_activation_is_linked_as_well():
    class WithSum(Weighted):
        def channels_of(self, name):
            return "add" if name == "relu" else super().channels_of(name)

    found = links(WithSum({"conv": kernel("conv", spread(STRENGTHS), "add")}), {"relu": range(3), "conv": range(2)})
    assert found["conv"][0]["fed"][0]["layer"] == "relu"
    assert pairs(found["relu"][1]["feeds"][0]) == [(0, 3.0), (1, 1.0)]


def test_a_layer_that_nobody_looks_at_is_named_all_the_same(chain):
    found = links(chain, {"conv2": [1]})
    assert list(found["conv2"]) == [1] and found["conv2"][1]["fed"][0]["layer"] == "conv1"


def test_a_layer_and_its_activation_are_not_fed_twice():
    conv = kernel("conv2", spread(STRENGTHS), "conv1")
    model = Weighted({"conv2": conv, "relu2": conv})
    found = links(model, {"conv1": [0], "conv2": [0], "relu2": [0]})
    assert [one["layer"] for one in found["conv1"][0]["feeds"]] == ["conv2"]
    assert found["relu2"][0]["fed"] == found["conv2"][0]["fed"]


def test_groups_are_fed_by_their_own_inputs_only():
    # Four outputs and six inputs in two groups: outputs 2 and 3 see inputs 3 to 5.
    strengths = [[1, 2, 3], [6, 5, 4], [7, 9, 8], [0.5, 0.25, 0.125]]
    model = Weighted({"b": kernel("b", spread(strengths), "a", groups=2)})
    found = links(model, {"a": range(6), "b": range(4)})
    assert pairs(found["b"][2]["fed"][0]) == [(4, 9.0), (5, 8.0), (3, 7.0)]
    assert pairs(found["a"][0]["feeds"][0]) == [(1, 6.0), (0, 1.0)]
    assert pairs(found["a"][5]["feeds"][0]) == [(2, 8.0), (3, 0.125)]


def test_depthwise_channels_are_fed_by_themselves():
    model = Weighted({"b": kernel("b", spread([[1], [2], [3]]), "a", groups=3)})
    found = links(model, {"a": range(3), "b": range(3)})
    assert [pairs(found["b"][channel]["fed"][0]) for channel in range(3)] == [[(0, 1.0)], [(1, 2.0)], [(2, 3.0)]]
    assert pairs(found["a"][2]["feeds"][0]) == [(2, 3.0)]


def test_links_are_those_of_a_slow_twin():
    random = np.random.default_rng(5)
    weights = random.normal(size=(12, 5, 3, 3))  # 12 outputs, 10 inputs, 2 groups
    model = Weighted({"b": kernel("b", weights, "a", groups=2)})
    found = links(model, {"a": range(10), "b": range(12)})
    full = np.zeros((12, 10))
    for o in range(12):
        for i in range(5):
            full[o, (o // 6) * 5 + i] = sum(float(np.float32(w)) ** 2 for w in weights[o, i].ravel()) ** 0.5
    for o in range(12):
        expected = [i for i in sorted(range(10), key=lambda i: -full[o, i]) if full[o, i]][:5]
        assert [channel for channel, _ in pairs(found["b"][o]["fed"][0])] == expected
    for i in range(10):
        expected = [o for o in sorted(range(12), key=lambda o: -full[o, i]) if full[o, i]][:5]
        assert [channel for channel, _ in pairs(found["a"][i]["feeds"][0])] == expected


def test_layers_without_weights_have_no_links():
    assert links(Weighted({}), {"sum": [0, 1]}) == {"sum": {0: {}, 1: {}}}
