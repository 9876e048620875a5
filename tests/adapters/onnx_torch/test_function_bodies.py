"""Operators without a torch function are computed by the function that the standard gives for them."""

import numpy as np
import pytest
import torch
from onnx import helper
from onnx.reference import ReferenceEvaluator

import viz.adapters.onnx_torch.graph
from tests.adapters.onnx_torch.graphs import model, node, program, value
from viz.adapters.onnx_torch import tiers
from viz.core.errors import ModelError

TIERS_ASKED = "viz.adapters.onnx_torch.graph.function_of"


@pytest.fixture
def without(monkeypatch):
    """Empties the table of torch functions for some operators."""

    def forget(*operators):
        known = viz.adapters.onnx_torch.graph.function_of
        monkeypatch.setattr(
            TIERS_ASKED, lambda domain, op, version: None if op in operators else known(domain, op, version)
        )
        monkeypatch.setattr(tiers.ReferenceKernel, "__call__", lambda *_: pytest.fail("onnx's kernel was asked"))

    return forget


def run(nodes, x, opset=18, **inputs):
    names = ["x", *inputs]
    found = program(nodes, names, ["y"], opset=opset)
    return found.run({"x": x, **inputs}, ["y"]).values["y"]


CASES = {
    "a body": ("Softsign", {}, 18),
    "a body of an older version": ("Softsign", {}, 22),
    "a body of a newer version": ("Softsign", {}, 14),
    "attributes": ("LeakyRelu", {"alpha": 0.3}, 16),
    "default attributes": ("Elu", {}, 18),
    "a body that depends on the context": ("Softmax", {"axis": 1}, 13),
    "one that calls others": ("LogSoftmax", {"axis": -1}, 13),
    "one with constants of its own": ("MeanVarianceNormalization", {"axes": [0]}, 13),
    "one that is chosen by an attribute": ("Gelu", {"approximate": "tanh"}, 20),
}


@pytest.mark.parametrize("name", CASES)
def test_bodies_give_what_the_torch_function_gives(name, without):
    op, attributes, opset = CASES[name]
    x = torch.randn(3, 4, dtype=torch.float32, generator=torch.Generator().manual_seed(0))
    nodes = [node(op, ["x"], ["y"], **attributes)]
    expected = ReferenceEvaluator(model(nodes, opset=opset)).run(None, {"x": x.numpy()})[0]
    without(op)
    np.testing.assert_allclose(run(nodes, x, opset).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_gradients_flow_through_bodies(without):
    without("Gelu", "Celu")
    x = torch.tensor([-1.5, -0.2, 0.4], requires_grad=True)
    y = run([node("Gelu", ["x"], ["y"])], x, 20)
    expected = torch.autograd.grad(torch.nn.functional.gelu(x).sum(), x)[0]
    torch.testing.assert_close(torch.autograd.grad(y.sum(), x)[0], expected)


def test_bodies_see_attributes_inside_the_graphs_inside_them(without):
    """The body of Range is a Loop; that of Clip chooses by what is given."""
    without("Clip")
    x = torch.tensor([-1.0, 0.5, 2.0])
    assert run([node("Clip", ["x", "", "high"], ["y"])], x, 13, high=torch.tensor(1.0)).tolist() == [-1.0, 0.5, 1.0]
    low, high = torch.tensor(0.0), torch.tensor(1.0)
    assert run([node("Clip", ["x", "low", "high"], ["y"])], x, 13, low=low, high=high).tolist() == [0.0, 0.5, 1.0]


def test_one_node_has_a_body_for_each_type_that_it_meets(without):
    without("LayerNormalization")
    found = program([node("LayerNormalization", ["x", "s"], ["y"])], ["x", "s"])
    for dtype in (torch.float32, torch.float64, torch.float32):
        x, scale = torch.tensor([[-3, 3]], dtype=dtype), torch.tensor([1, 2], dtype=dtype)
        y = found.run({"x": x, "s": scale}, ["y"]).values["y"]
        assert y.dtype == dtype
        torch.testing.assert_close(y, torch.tensor([[-1, 2]], dtype=dtype), rtol=0, atol=1e-5)


def test_a_body_with_a_graph_that_uses_names_around_the_node(without):
    without("SequenceMap")
    body = helper.make_graph([node("Add", ["item", "shift"], ["moved"])], "body", [value("item")], [value("moved")])
    nodes = [
        node("SequenceConstruct", ["x", "x"], ["list"]),
        node("SequenceMap", ["list"], ["shifted"], body=body),
        node("ConcatFromSequence", ["shifted"], ["y"], axis=0),
    ]
    x = torch.tensor([1.0], requires_grad=True)
    y = run(nodes, x, 17, shift=torch.tensor([10.0]))
    assert y.tolist() == [11.0, 11.0]
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [2.0]


def test_an_operator_that_nothing_computes_is_named_with_what_to_do():
    with pytest.raises(ModelError, match=r"operator 'Rot' of domain 'my\.own', version 3.*Rot 'r1'") as caught:
        program([node("Rot", ["x"], ["y"], "r1", domain="my.own")], domains={"my.own": 3}).run(
            {"x": torch.ones(1)}, ["y"]
        )
    assert "viz occlusion" in caught.value.next_step
