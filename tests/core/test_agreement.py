"""Two ways of computing the same tensors: how far apart, and which of them can be had at all."""

import numpy as np
import pytest

from tests.fakes import LinearModel
from viz.core.agreement import difference, differences, in_halves
from viz.core.batching import BatchedAdapter
from viz.core.errors import ModelError, NotSupported


def test_a_difference_is_relative_to_the_largest_magnitude():
    assert difference(np.float32([1, -3.9]), np.float32([1, -4])) == pytest.approx(0.1 / 4, rel=1e-5)


def test_zeros_are_compared_as_they_are():
    assert difference(np.float32([0.5]), np.float32([0])) == 0.5


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [([1, 2], [1]), ([1, np.nan], [1, 2]), ([1, 2], [1, np.inf])],
    ids=["another shape", "NaN here", "infinity there"],
)
def test_what_cannot_be_compared_is_infinitely_far(ours, theirs):
    assert difference(np.float32(ours), np.float32(theirs)) == float("inf")


def test_what_is_not_finite_in_the_same_places_is_left_out():
    assert difference(np.float32([np.inf, 2]), np.float32([np.inf, 2])) == 0
    assert difference(np.float32([np.nan]), np.float32([np.nan])) == 0


def test_tensors_that_one_of_the_two_cannot_show_are_left_out_and_the_others_come_in_order():
    asked = []

    def ours(names):
        asked.append(len(names))
        if "c" in names:
            raise NotSupported("c is no tensor")
        return {name: np.float32([1.1]) for name in names}

    def theirs(names):
        if "f" in names:
            raise ModelError("f has no batch axis")
        return {name: np.float32([1]) for name in names}

    found = list(differences("abcdefgh", ours, theirs))
    assert [name for name, _ in found] == list("abdegh")
    assert all(size == pytest.approx(0.1) for _, size in found)
    assert max(asked) == 4 and len(asked) < 8


def test_where_nothing_fails_everything_is_asked_for_at_once():
    asked = list(in_halves("abc", list))
    assert asked == [["a", "b", "c"]]


def test_hundreds_of_tensors_are_not_all_kept_at_once():
    sizes = []

    def run(names):
        sizes.append(len(names))
        return {name: np.float32([0]) for name in names}

    names = [str(i) for i in range(600)]
    assert len(list(differences(names, run, run))) == 600
    assert max(sizes) < 300


class Drifting(LinearModel):
    """Its gradient pass computes one layer otherwise than its forward pass."""

    def trace(self, images, layers, rule="plain"):
        found = super().trace(images, layers, rule)
        if "scores" in found.values:
            found.values["scores"] = found.values["scores"] * 1.5
        return found


def test_a_model_says_how_far_its_two_passes_are_apart_layer_by_layer():
    weights = np.random.default_rng(0).standard_normal((4, 3, 6, 5)).astype(np.float32)
    found = BatchedAdapter(Drifting(weights, squash="softmax")).agreement(np.full((3, 6, 5), 0.5, np.float32))
    assert found.how == "from the image to each layer"
    assert list(found.differences) == ["pixels", "products", "scores", "probabilities"]
    assert found.differences["scores"] == pytest.approx(0.5, rel=1e-4)
    assert all(size < 1e-5 for name, size in found.differences.items() if name != "scores")
