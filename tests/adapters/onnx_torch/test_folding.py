"""Nodes that depend on constants only are computed once; random ones and those that explode are not."""

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper
from torch.utils._python_dispatch import TorchDispatchMode

from tests.adapters.onnx_torch.graphs import model, node, program
from viz.adapters.onnx_torch.element_types import ElementTypes
from viz.adapters.onnx_torch.folding import folded
from viz.adapters.onnx_torch.graph import decode, opsets_of


def fold(nodes, weights=None, varying=("x",), outputs=("y",)):
    whole = model(nodes, ["x"], outputs, weights)
    return folded(decode(whole.graph, ElementTypes(), opsets_of(whole.opset_import)), varying)


def operators(graph):
    return [part.op for part in graph.nodes]


W = {"w": np.array([[1.0, 2.0]], np.float32)}


def test_what_follows_from_constants_is_computed_once():
    found = fold([node("Neg", ["w"], ["a"]), node("Exp", ["a"], ["b"]), node("Add", ["x", "b"], ["y"])], W)
    assert operators(found) == ["Add"]
    torch.testing.assert_close(found.constants["b"], torch.exp(-torch.tensor([[1.0, 2.0]])))


def test_constants_that_nothing_reads_any_more_are_dropped():
    found = fold([node("Neg", ["w"], ["a"]), node("Exp", ["a"], ["b"]), node("Add", ["x", "b"], ["y"])], W)
    assert set(found.constants) == {"b"}


def test_nodes_that_stay_know_which_inputs_are_constants():
    found = fold([node("Neg", ["w"], ["a"]), node("Where", ["x", "a", ""], ["y"])], W)
    assert found.nodes[0].constant == (False, True, False)


def test_an_output_of_the_graph_may_be_a_constant():
    found = fold([node("Neg", ["w"], ["y"])], W)
    assert operators(found) == []
    assert found.constants["y"].tolist() == [[-1.0, -2.0]]


def test_a_dropout_stays_and_random_numbers_are_drawn_once():
    for op, left in (("Dropout", ["Dropout", "Add"]), ("Bernoulli", ["Add"]), ("RandomNormalLike", ["Add"])):
        assert operators(fold([node(op, ["w"], ["r"]), node("Add", ["x", "r"], ["y"])], {"w": W["w"] * 0})) == left


def test_what_varies_is_not_folded_though_it_has_a_default():
    nodes = [node("Neg", ["w"], ["a"]), node("Add", ["x", "a"], ["y"])]
    assert operators(fold(nodes, W, varying=("x", "w"))) == ["Neg", "Add"]


@pytest.mark.parametrize("side", [1 << 34, 1 << 40])
def test_what_would_fill_the_memory_is_left_to_whoever_wants_it(side):
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    nodes = [
        node("ConstantOfShape", ["s"], ["large"], value=one),
        node("Neg", ["large"], ["n"]),
        node("ReduceSum", ["n"], ["sum"]),
        node("Add", ["x", "sum"], ["y"]),
    ]
    found = fold(nodes, {"s": np.array([side])})
    assert operators(found)[-3:] == ["Neg", "ReduceSum", "Add"]


class Largest(TorchDispatchMode):
    """Notes the bytes of the largest tensor that is made, views left out."""

    made = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and not func.is_view:
            self.made = max(self.made, result.nbytes)
        return result


def test_what_would_fill_the_memory_is_not_even_made_to_be_thrown_away():
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    nodes = [
        node("ConstantOfShape", ["s"], ["large"], value=one),
        node("Neg", ["large"], ["n"]),
        node("Add", ["x", "n"], ["y"]),
    ]
    with Largest() as largest:
        fold(nodes, {"s": np.array([1 << 27])})
    assert largest.made < 1 << 28


def test_all_results_together_have_a_limit():
    """None of them is too large by itself: 200 times 4 MiB, where 256 MiB are allowed."""
    nodes = [node("Add", ["w", f"s{i}"], [f"a{i}"]) for i in range(200)]
    nodes += [node("Add", ["x" if i == 0 else f"y{i - 1}", f"a{i}"], [f"y{i}"]) for i in range(200)]
    weights = {f"s{i}": np.array(i, np.float32) for i in range(200)}
    found = fold(nodes, {"w": np.zeros((1024, 1024), np.float32), **weights}, outputs=("y199",))
    kept = sum(value.nbytes for value in found.constants.values())
    assert 200 << 20 <= kept <= 270 << 20


def test_a_node_that_cannot_be_computed_fails_when_it_is_wanted():
    nodes = [node("MatMul", ["w", "w"], ["a"], "bad"), node("Add", ["x", "a"], ["y"]), node("Neg", ["x"], ["z"])]
    found = program(nodes, ["x"], ["y", "z"], W)
    assert found.run({"x": torch.ones(1)}, ["z"]).values["z"].tolist() == [-1.0]
    with pytest.raises(Exception, match="MatMul 'bad'"):
        found.run({"x": torch.ones(1)}, ["y"])


def test_weights_are_not_copied_by_folding():
    nodes = [node("Transpose", ["w"], ["t"], perm=[1, 0]), node("MatMul", ["x", "t"], ["y"])]
    whole = model(nodes, weights=W)
    source = decode(whole.graph, ElementTypes(), opsets_of(whole.opset_import))
    weights, found = source.constants, folded(source, ("x",))
    assert found.constants["t"].shape == (2, 1)
    assert found.constants["t"].untyped_storage().data_ptr() == weights["w"].untyped_storage().data_ptr()
