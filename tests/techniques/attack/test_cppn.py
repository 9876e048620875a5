"""Networks that draw: known pictures of known weights, and what mutation may do to them."""

import math

import numpy as np
import pytest

from viz.techniques.attack._cppn import (
    ACTIVATIONS,
    CppnEncoding,
    Network,
    inputs_of,
    with_activation,
    with_link,
    with_node,
    with_weights,
)

SIZE = (5, 9)


def network(*links: tuple[int, int, float], hidden=(), outputs=("linear",) * 3) -> Network:
    """Nodes 0-3 are x, y, distance and 1; then the hidden ones; the last three are red, green and blue."""
    kinds = ("linear",) * 4 + tuple(hidden) + tuple(outputs)
    weights = np.zeros((len(kinds), len(kinds)), np.float32)
    for source, sink, weight in links:
        weights[sink, source] = weight
    return Network(kinds, weights)


def picture(one: Network, size=SIZE) -> np.ndarray:
    return CppnEncoding(size).drawn([one])[0]


def grown(seed=0, times=40) -> Network:
    chance = np.random.default_rng(seed)
    encoding = CppnEncoding(SIZE)
    genomes = encoding.first(1, chance)
    for generation in range(times):
        genomes = encoding.mutated(genomes, generation, chance)
    return genomes[0]


def test_red_from_x_is_a_ramp_from_left_to_right_and_the_others_are_middle_gray():
    drawn = picture(network((0, 4, 1.0)))
    assert np.allclose(drawn[0], np.linspace(0, 1, 9)[None, :])
    assert np.allclose(drawn[1:], 0.5)


def test_green_from_y_is_a_ramp_from_top_to_bottom_in_units_of_the_longer_side():
    assert np.allclose(picture(network((1, 5, 1.0)))[1], np.linspace(0.25, 0.75, 5)[:, None])


def test_blue_from_the_distance_is_a_cone():
    drawn = picture(network((2, 6, 1.0)), (9, 9))[2]
    assert drawn[4, 4] == 0.5
    assert drawn[4, 0] == drawn[0, 4] == drawn[4, 8] == 1
    assert np.isclose(drawn[4, 6], 0.75)


def test_the_constant_is_the_same_everywhere_and_limited_to_white():
    assert np.allclose(picture(network((3, 4, 0.5)))[0], 0.75)
    assert (picture(network((3, 4, 7.0)))[0] == 1).all()


def test_a_hidden_node_stands_between():
    drawn = picture(network((0, 4, 3.0), (4, 5, 2.0), hidden=["sine"]))
    x = np.linspace(-1, 1, 9)
    assert np.allclose(drawn[0], np.clip((2 * np.sin(3 * x) + 1) / 2, 0, 1)[None, :], atol=1e-6)


def slowly_drawn(one: Network, x: float, y: float) -> list[float]:
    """The same network, one point and one link at a time."""
    known = {
        "linear": lambda v: max(-100.0, min(100.0, v)),
        "sine": math.sin,
        "gaussian": lambda v: 2 * math.exp(-min(v * v, 700)) - 1,
        "sigmoid": lambda v: math.tanh(v / 2),
        "absolute": lambda v: min(100.0, abs(v)),
    }
    values = [x, y, math.hypot(x, y), 1.0]
    for node in range(4, len(one.activations)):
        total = 0.0
        for source in range(node):
            total += float(one.weights[node, source]) * values[source]
        values.append(known[one.activations[node]](total))
    return [(max(-1.0, min(1.0, v)) + 1) / 2 for v in values[-3:]]


@pytest.mark.parametrize("seed", range(6))
def test_pictures_are_those_of_a_slow_twin(seed):
    one = with_weights(grown(seed), np.random.default_rng(seed))
    drawn, inputs = picture(one), inputs_of(SIZE).reshape(4, *SIZE)
    for row in range(SIZE[0]):
        for column in range(SIZE[1]):
            x, y = (float(value) for value in inputs[:2, row, column])
            assert np.allclose(drawn[:, row, column], slowly_drawn(one, x, y), atol=2e-3)


def test_every_activation_has_a_name_that_the_twin_knows():
    assert set(ACTIVATIONS) == {"linear", "sine", "gaussian", "sigmoid", "absolute"}


def test_a_linear_node_put_into_a_link_changes_nothing_in_the_picture():
    before = network((0, 4, 0.7), (2, 6, -0.4))
    tried = (with_node(before, np.random.default_rng(seed)) for seed in range(50))
    linear = [one for one in tried if one.activations[4] == "linear"]
    assert len(linear) > 3
    for after in linear:
        assert after.hidden == 1
        assert np.allclose(picture(after), picture(before), atol=1e-6)


def test_a_new_link_joins_what_was_not_joined_and_never_begins_at_an_output():
    before = grown(1)
    for seed in range(30):
        after = with_link(before, np.random.default_rng(seed))
        (sink,), (source,) = np.nonzero(after.weights != before.weights)
        assert before.weights[sink, source] == 0
        assert source < min(sink, len(before.activations) - 3)
        assert sink >= 4


def test_a_network_in_which_all_is_joined_gets_no_new_link():
    full = network(*((source, sink, 1.0) for source in range(4) for sink in (4, 5, 6)))
    assert with_link(full, np.random.default_rng(0)) is full


def test_new_weights_make_no_links_and_break_none():
    before = grown(2)
    for seed in range(30):
        after = with_weights(before, np.random.default_rng(seed))
        assert ((after.weights != 0) == (before.weights != 0)).all()
        assert np.abs(after.weights).max() <= 50


def test_another_activation_is_for_one_node_that_is_no_input():
    before = grown(3)
    for seed in range(30):
        after = with_activation(before, np.random.default_rng(seed))
        changed = [i for i, (a, b) in enumerate(zip(before.activations, after.activations, strict=True)) if a != b]
        assert len(changed) <= 1
        assert all(i >= 4 for i in changed)


def test_networks_begin_without_hidden_nodes_and_grow_up_to_a_limit():
    chance = np.random.default_rng(0)
    assert all(one.hidden == 0 for one in CppnEncoding(SIZE).first(20, chance))
    assert grown(0, 20).hidden > 0
    encoding = CppnEncoding(SIZE, most_hidden=5)
    genomes = encoding.first(4, chance)
    for generation in range(80):
        genomes = encoding.mutated(genomes, generation, chance)
    assert [one.hidden for one in genomes] == [5] * 4


def test_however_far_it_went_a_picture_is_finite_and_within_what_a_pixel_can_be():
    for seed in range(5):
        drawn = picture(grown(seed, 300))
        assert np.isfinite(drawn).all()
        assert drawn.min() >= 0
        assert drawn.max() <= 1
        assert drawn.dtype == np.float32


def test_a_child_leaves_its_parent_as_it_was_and_comes_from_the_seed_alone():
    parent = grown(4)
    weights = parent.weights.copy()
    children = [CppnEncoding(SIZE).mutated([parent], 0, np.random.default_rng(7))[0] for _ in range(2)]
    assert (parent.weights == weights).all()
    assert children[0].activations == children[1].activations
    assert (children[0].weights == children[1].weights).all()


def test_a_refined_child_has_the_same_nodes_and_links_and_nearly_the_same_picture():
    parent, encoding = grown(5), CppnEncoding(SIZE)

    def change(children) -> float:
        return float(np.median([np.abs(picture(child) - picture(parent)).mean() for child in children]))

    refined = encoding.refined([parent] * 60, 0, np.random.default_rng(0))
    assert {child.activations for child in refined} == {parent.activations}
    assert all(((child.weights != 0) == (parent.weights != 0)).all() for child in refined)
    assert 0 < change(refined) < 0.02 < change(encoding.mutated([parent] * 60, 0, np.random.default_rng(0)))
