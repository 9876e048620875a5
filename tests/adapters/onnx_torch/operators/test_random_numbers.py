"""Random operators: the distribution that they promise, and the same numbers in every run."""

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

from tests.adapters.onnx_torch.single_node import make_node, run_node
from viz.adapters.onnx_torch.operators.random_numbers import bernoulli
from viz.adapters.onnx_torch.program import OnnxProgram

MANY = [200, 500]  # enough for means to be right within a hundredth
X = torch.zeros(MANY)
DRAWN = [
    ("RandomUniform", [], {"shape": MANY, "low": 2.0, "high": 6.0}, 4.0, 4 / 12**0.5),
    ("RandomUniformLike", [X], {"low": 2.0, "high": 6.0}, 4.0, 4 / 12**0.5),
    ("RandomNormal", [], {"shape": MANY, "mean": -3.0, "scale": 0.5}, -3.0, 0.5),
    ("RandomNormalLike", [X], {"mean": -3.0, "scale": 0.5}, -3.0, 0.5),
    ("Bernoulli", [X + 0.3], {}, 0.3, 0.21**0.5),
]


@pytest.mark.parametrize("op, inputs, attributes, mean, deviation", DRAWN)
def test_numbers_have_the_promised_mean_and_deviation(op, inputs, attributes, mean, deviation):
    drawn = run_node(op, inputs, 22, **attributes)
    assert list(drawn.shape) == MANY and drawn.dtype == torch.float32
    assert drawn.mean().item() == pytest.approx(mean, abs=0.015 * deviation + 0.002)
    assert drawn.std().item() == pytest.approx(deviation, rel=0.01)


def test_uniform_numbers_lie_in_their_range_and_bernoulli_gives_zeros_and_ones():
    uniform = run_node("RandomUniform", [], 22, shape=MANY, low=2.0, high=6.0)
    assert 2 <= uniform.min() < 2.01 and 5.99 < uniform.max() < 6
    assert run_node("Bernoulli", [X + 0.5], 22).unique().tolist() == [0, 1]
    assert run_node("Bernoulli", [torch.tensor([0.0, 1.0] * 50)], 22).tolist() == [0, 1] * 50


def test_classes_are_drawn_by_their_probabilities():
    chances = torch.tensor([[0.1, 0.6, 0.3], [0.0, 0.5, 0.5]])
    drawn = run_node("Multinomial", [chances.log() + 7], 22, sample_size=20_000)
    assert drawn.shape == (2, 20_000) and drawn.dtype == torch.int32
    shares = torch.stack([(drawn == index).float().mean(1) for index in range(3)], 1)
    torch.testing.assert_close(shares, chances, atol=0.01, rtol=0)


@pytest.mark.parametrize("op, inputs, attributes, mean, deviation", DRAWN)
def test_every_run_draws_the_same_and_a_seed_draws_others(op, inputs, attributes, mean, deviation):
    again, other, seeded = (
        run_node(op, inputs, 22, **attributes, **seed) for seed in ({}, {"seed": 1.0}, {"seed": 2.0})
    )
    assert torch.equal(again, run_node(op, inputs, 22, **attributes))
    assert not torch.equal(again, other) and not torch.equal(other, seeded)


@pytest.mark.parametrize("op, inputs, attributes, mean, deviation", DRAWN)
def test_an_element_type_may_be_asked_for(op, inputs, attributes, mean, deviation):
    assert run_node(op, inputs, 22, **attributes, dtype=TensorProto.DOUBLE).dtype == torch.float64


def test_two_nodes_of_a_file_draw_different_numbers():
    nodes = [
        helper.make_node("RandomNormalLike", ["x"], ["a"]),
        helper.make_node("RandomNormalLike", ["x"], ["b"]),
        helper.make_node("RandomNormal", [], ["c"], shape=[4]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "abc"]
    graph = helper.make_graph(nodes, "noise", [x], outputs)
    program = OnnxProgram(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)]), "")
    runs = [program.run({"x": torch.zeros(4)}, list("abc")).values for _ in range(2)]
    assert len({tuple(runs[0][name].tolist()) for name in "abc"}) == 3
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in "abc")


def test_images_side_by_side_get_the_noise_that_each_gets_alone():
    node = make_node("Bernoulli", [X[0]], 22)
    chances = torch.from_numpy(np.random.default_rng(0).uniform(size=(3, 50)))
    assert torch.equal(
        torch.vmap(lambda row: bernoulli(node, row), randomness="error")(chances),
        torch.stack([bernoulli(node, row) for row in chances]),
    )
