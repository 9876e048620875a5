"""Operators that only onnx's own kernels compute: values, no gradient, and the path marked as ended."""

import numpy as np
import pytest
import torch
from onnx import TensorProto, numpy_helper

from tests.adapters.onnx_torch.graphs import node, program, value
from viz.core.errors import ModelError


def test_strings_are_computed_by_onnx():
    found = program(
        [node("StringNormalizer", ["x"], ["y"], case_change_action="UPPER")],
        [value("x", None, TensorProto.STRING)],
        [value("y", None, TensorProto.STRING)],
    )
    assert found.run({"x": np.array(["cat", "dog"], object)}, ["y"]).values["y"].tolist() == ["CAT", "DOG"]


def test_constant_strings_are_computed_once():
    words = numpy_helper.from_array(np.array(["cat", "dog"], object))
    found = program(
        [node("Constant", [], ["c"], value=words), node("StringNormalizer", ["c"], ["y"], case_change_action="UPPER")],
        [],
        [value("y", None, TensorProto.STRING)],
    )
    assert found._graph(frozenset()).nodes == ()
    assert found.run({}, ["y"]).values["y"].tolist() == ["CAT", "DOG"]


def test_the_path_is_marked_as_ended(monkeypatch):
    monkeypatch.setattr("viz.adapters.onnx_torch.graph.function_of", lambda *_: None)
    x = torch.tensor([-1.0, 4.0], requires_grad=True)
    run = program([node("Sqrt", ["x"], ["y"], "root")]).run({"x": x}, ["y"])
    assert run.values["y"][1] == 2
    assert not run.values["y"].requires_grad
    assert run.ended == ("Sqrt 'root' (tensor 'y')",)


def test_several_outputs_some_unwanted(monkeypatch):
    monkeypatch.setattr("viz.adapters.onnx_torch.graph.function_of", lambda *_: None)
    found = program([node("TopK", ["x", "k"], ["", "y"])], weights={"k": np.array([1])})
    assert found.run({"x": torch.tensor([1.0, 5.0, 2.0])}, ["y"]).values["y"].tolist() == [1]


def test_half_precision_comes_back_as_what_is_computed_with(monkeypatch):
    monkeypatch.setattr("viz.adapters.onnx_torch.graph.function_of", lambda *_: None)
    nodes = [node("Cast", ["x"], ["y"], to=TensorProto.FLOAT16)]
    assert program(nodes).run({"x": torch.ones(1)}, ["y"]).values["y"].dtype == torch.float32
    assert program(nodes, native=True).run({"x": torch.ones(1)}, ["y"]).values["y"].dtype == torch.float16


def test_an_error_of_the_kernel_names_the_node(monkeypatch):
    monkeypatch.setattr("viz.adapters.onnx_torch.graph.function_of", lambda *_: None)
    with pytest.raises(ModelError, match=r"MatMul 'm' failed on inputs \(2, 3\) float32"):
        program([node("MatMul", ["x", "x"], ["y"], "m")]).run({"x": torch.ones(2, 3)}, ["y"])
