"""Graphs of files, decoded: order, constants, and the names that graphs inside nodes take from outside."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from tests.adapters.onnx_torch.graphs import graph, model, node, value
from viz.adapters.onnx_torch.element_types import ElementTypes
from viz.adapters.onnx_torch.graph import captured, decode, opsets_of
from viz.core.errors import ModelError


def decoded(whole: onnx.ModelProto, folder=None, native=False):
    return decode(whole.graph, ElementTypes(native), opsets_of(whole.opset_import), folder)


def operators(found):
    return [part.op for part in found.nodes]


def test_nodes_that_are_in_order_keep_it():
    found = decoded(model([node("Relu", ["x"], ["a"]), node("Abs", ["x"], ["b"]), node("Add", ["a", "b"], ["y"])]))
    assert operators(found) == ["Relu", "Abs", "Add"]


def test_nodes_out_of_order_are_put_behind_what_they_need():
    found = decoded(model([node("Add", ["a", "b"], ["y"]), node("Abs", ["a"], ["b"]), node("Relu", ["x"], ["a"])]))
    assert operators(found) == ["Relu", "Abs", "Add"]


def test_a_chain_longer_than_pythons_stack_is_put_in_order():
    nodes = [node("Relu", [f"t{i}"], [f"t{i + 1}"]) for i in range(3000)]
    found = decoded(model(nodes[::-1], ["t0"], ["t3000"]))
    assert [part.outputs[0] for part in found.nodes] == [f"t{i}" for i in range(1, 3001)]


def test_a_cycle_is_refused_with_the_node_on_it():
    with pytest.raises(ModelError, match=r"cycle: (Relu|Abs)"):
        decoded(model([node("Relu", ["b"], ["a"]), node("Abs", ["a"], ["b"]), node("Add", ["a", "x"], ["y"])]))


def test_what_a_graph_inside_a_node_takes_from_outside_decides_the_order_too():
    branch = graph([node("Neg", ["late"], ["z"])], [], ["z"])
    choice = node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
    found = decoded(model([choice, node("Not", ["x"], ["late"])]))
    assert operators(found) == ["Not", "If"]
    assert captured(found.nodes[1]) == ("late",)


def test_names_from_outside_are_found_through_several_graphs_and_as_outputs():
    inner = graph([node("Add", ["far", "near"], ["i"])], [], ["i"])
    outer = graph(
        [node("Neg", ["x"], ["near"]), node("If", ["x"], ["o"], then_branch=inner, else_branch=inner)], [], ["o", "out"]
    )
    found = decoded(model([node("If", ["x"], ["y"], then_branch=outer, else_branch=outer)], ["x", "far", "out"]))
    assert set(captured(found.nodes[0])) == {"far", "x", "out"}
    assert found.free == ()


def test_a_name_made_inside_hides_the_one_outside():
    branch = graph([node("Neg", ["x"], ["a"]), node("Abs", ["a"], ["z"])], [], ["z"])
    found = decoded(
        model([node("Relu", ["x"], ["a"]), node("If", ["a"], ["y"], then_branch=branch, else_branch=branch)])
    )
    assert captured(found.nodes[1]) == ("x",)


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ({"value_float": 0.5}, torch.tensor(0.5)),
        ({"value_floats": [0.5, 2.0]}, torch.tensor([0.5, 2.0])),
        ({"value_int": 3}, torch.tensor(3)),
        ({"value_ints": [3, 4]}, torch.tensor([3, 4])),
        ({"value": numpy_helper.from_array(np.array([[1.5]]))}, torch.tensor([[1.5]], dtype=torch.float64)),
    ],
)
def test_constant_nodes_become_constants(attribute, expected):
    found = decoded(model([node("Constant", [], ["c"], **attribute), node("Add", ["x", "c"], ["y"])]))
    assert operators(found) == ["Add"]
    assert found.constants["c"].dtype == expected.dtype
    assert torch.equal(found.constants["c"], expected)


def test_a_constant_without_a_value_is_refused():
    with pytest.raises(ModelError, match="Constant 'c' has no value"):
        decoded(model([node("Constant", [], ["c"]), node("Add", ["x", "c"], ["y"])]))


def test_sparse_weights_are_written_out():
    values = numpy_helper.from_array(np.array([5.0, 7.0], np.float32), "s")
    whole = model([node("Add", ["x", "s"], ["y"])])
    for indices in (np.array([1, 5]), np.array([[0, 1], [1, 2]])):
        sparse = helper.make_sparse_tensor(values, numpy_helper.from_array(indices, "i"), [2, 3])
        whole.graph.ClearField("sparse_initializer")
        whole.graph.sparse_initializer.append(sparse)
        assert decoded(whole).constants["s"].tolist() == [[0, 5, 0], [0, 0, 7]]


@pytest.mark.parametrize("dims", [[2, 2], [1 << 40, 3]])
def test_sparse_weights_that_do_not_fit_their_shape_are_refused(dims):
    values = numpy_helper.from_array(np.array([5.0], np.float32), "s")
    whole = model([node("Add", ["x", "s"], ["y"])])
    whole.graph.sparse_initializer.append(
        helper.make_sparse_tensor(values, numpy_helper.from_array(np.array([99]), "i"), dims)
    )
    with pytest.raises(ModelError, match="sparse tensor 's'"):
        decoded(whole)


def test_half_precision_is_computed_in_float32_unless_native():
    whole = model([node("Add", ["x", "w"], ["y"])], weights={"w": np.array([1.5], np.float16)})
    assert decoded(whole).constants["w"].dtype == torch.float32
    assert decoded(whole, native=True).constants["w"].dtype == torch.float16


def test_unwanted_outputs_at_the_end_are_cut_off_and_others_kept():
    found = decoded(model([node("BatchNormalization", ["x"] * 5, ["y", "", "v", "", ""])]))
    assert found.nodes[0].outputs == ("y", "", "v")


def test_inputs_with_a_default_value_are_not_required():
    whole = model([node("Add", ["x", "w"], ["y"])], ["x", value("w", [1])], weights={"w": np.ones(1, np.float32)})
    assert decoded(whole).inputs == ("x", "w")
    assert decoded(whole).required == ("x",)


def test_weights_in_a_data_file_are_mapped_not_read(tmp_path):
    weights = np.arange(6, dtype=np.float32).reshape(2, 3)
    whole = model([node("Add", ["x", "w"], ["y"])], weights={"w": weights})
    onnx.save_model(whole, tmp_path / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    found = decoded(onnx.load(tmp_path / "m.onnx", load_external_data=False), tmp_path).constants["w"]
    assert found.tolist() == weights.tolist()
    raw = bytearray((tmp_path / "w.bin").read_bytes())
    raw[:4] = np.float32(100).tobytes()
    with (tmp_path / "w.bin").open("r+b") as stream:  # the mapping sees what the file says now
        stream.write(raw)
    assert found[0, 0] == 100


def test_data_that_lies_at_an_odd_byte_is_read(tmp_path):
    (tmp_path / "w.bin").write_bytes(b"?" + np.array([1.5, 2.5], np.float32).tobytes())
    whole = model([node("Add", ["x", "w"], ["y"])], weights={"w": np.zeros(2, np.float32)})
    tensor = whole.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, text in {"location": "w.bin", "offset": "1", "length": "8"}.items():
        tensor.external_data.add(key=key, value=text)
    assert decoded(whole, tmp_path).constants["w"].tolist() == [1.5, 2.5]
