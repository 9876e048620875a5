"""Values that stay on a device between graphs: bit for bit those of arrays. Tried in the host's own memory."""

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from viz.adapters.onnx_runtime import device_graph
from viz.adapters.onnx_runtime.device_graph import BoundGraph, Graph
from viz.adapters.onnx_runtime.session import Memory
from viz.core.errors import ModelError

HOST = Memory("cpu")


def session_of(nodes, inputs, outputs, stored=()):
    """A CPU session; inputs and outputs by name and (type, dims)."""
    values = [
        [helper.make_tensor_value_info(name, *given) for name, given in ends.items()] for ends in (inputs, outputs)
    ]
    graph = helper.make_graph(nodes, "small", *values, list(stored))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@pytest.fixture
def doubling():
    """y = 2 x, and half: y in float16."""
    nodes = [
        helper.make_node("Mul", ["x", "two"], ["y"]),
        helper.make_node("Cast", ["y"], ["half"], to=TensorProto.FLOAT16),
    ]
    outputs = {"y": (TensorProto.FLOAT, ["n", 3]), "half": (TensorProto.FLOAT16, ["n", 3])}
    two = numpy_helper.from_array(np.float32(2), "two")
    return session_of(nodes, {"x": (TensorProto.FLOAT, ["n", 3])}, outputs, [two])


@pytest.fixture
def picking():
    """Rows of y, reshaped, plus a number that is the same in every call."""
    nodes = [
        helper.make_node("Gather", ["y", "index"], ["rows"]),
        helper.make_node("Reshape", ["rows", "shape"], ["shaped"]),
        helper.make_node("Add", ["shaped", "bias"], ["found"]),
    ]
    inputs = {
        "y": (TensorProto.FLOAT, ["n", 3]),
        "index": (TensorProto.INT32, ["m"]),
        "shape": (TensorProto.INT64, ["axes"]),
        "bias": (TensorProto.FLOAT, []),
    }
    return session_of(nodes, inputs, {"found": (TensorProto.FLOAT, None)})


X = np.arange(12, dtype=np.float32).reshape(4, 3)
CHOICE = {"index": np.array([3, 0], np.int32), "shape": np.array([3, 2], np.int64)}
BIAS = {"bias": np.float32(0.5), "of another graph": np.float32(7)}


def bound(session, outputs, further=None):
    return BoundGraph(session, outputs, further or {}, HOST)


def test_what_one_graph_keeps_another_takes(doubling, picking):
    clean, window = bound(doubling, {"y": "y"}), bound(picking, {"answer": "found"}, BIAS)
    kept, held = clean.kept({"x": X}), window.held(CHOICE)
    assert all(isinstance(value, ort.OrtValue) for value in (*kept.values(), *held.values()))
    for _ in range(2):  # what is held is fed many times
        answers = window({**kept, **held, "no input of it": X})
        np.testing.assert_array_equal(answers["answer"], [[18.5, 20.5], [22.5, 0.5], [2.5, 4.5]])


def test_both_ways_of_feeding_give_the_same_arrays(doubling):
    plain, ours = Graph(doubling, {"a": "y", "b": "half"}, {}), bound(doubling, {"a": "y", "b": "half"})
    for images in (X, X[::2], np.asfortranarray(X), X[:0]):
        expected, found = plain({"x": images}), ours({"x": images})
        assert list(found) == list(expected) == ["a", "b"]
        for name, value in expected.items():
            assert found[name].dtype == value.dtype
            np.testing.assert_array_equal(found[name], value)


def test_plain_graphs_keep_and_hold_arrays(doubling):
    plain = Graph(doubling, {"y": "y"}, {})
    assert plain.held(CHOICE) is CHOICE
    np.testing.assert_array_equal(plain.kept({"x": X})["y"], 2 * X)


def test_answers_outlive_the_next_call(doubling):
    graph = bound(doubling, {"y": "y"})
    first, kept = graph({"x": X}), graph.kept({"x": X})
    graph({"x": X + 1})
    graph.kept({"x": X + 1})
    np.testing.assert_array_equal(first["y"], 2 * X)
    np.testing.assert_array_equal(kept["y"].numpy(), 2 * X)


@pytest.mark.parametrize("feeds", [{"x": X[:, :2]}, {"x": X.astype(np.float64)}, {}])
def test_what_cannot_be_run_is_our_error(doubling, feeds):
    with pytest.raises(ModelError):
        bound(doubling, {"y": "y"})(feeds)


def test_what_is_kept_comes_out_in_the_devices_memory_and_answers_in_the_hosts(doubling, monkeypatch):
    went = []
    bind = ort.IOBinding.bind_output
    monkeypatch.setattr(
        ort.IOBinding, "bind_output", lambda self, name, *memory: went.append(memory) or bind(self, name, "cpu", 0)
    )
    graph = BoundGraph(doubling, {"y": "y"}, {}, Memory("cuda", 1))
    graph.kept({"x": X})
    graph({"x": X})
    assert went == [("cuda", 1), ("cpu", 0)]


def test_only_shapes_are_left_in_the_hosts_memory(doubling, monkeypatch):
    went = {}
    make = ort.OrtValue.ortvalue_from_numpy
    monkeypatch.setattr(
        device_graph.ort.OrtValue,
        "ortvalue_from_numpy",
        lambda array, kind, number: went.update({array.dtype.name: (kind, number)}) or make(array),
    )
    BoundGraph(doubling, {"y": "y"}, {}, Memory("cuda", 1)).held(CHOICE)
    assert went == {"int32": ("cuda", 1), "int64": ("cpu", 0)}
