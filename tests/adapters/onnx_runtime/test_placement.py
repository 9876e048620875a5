"""Operators that run elsewhere than asked for: found, told from those that only compute shapes, said and recorded."""

from types import SimpleNamespace

import numpy as np
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

from tests.adapters.onnx_runtime.small_files import chain_file, images_of
from viz.adapters import load
from viz.adapters.onnx_runtime import openvino
from viz.adapters.onnx_runtime.placement import Placements, nodes_of_shapes, record, sorted_out
from viz.core.model_options import ModelOptions

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
installed = openvino.PROVIDER in ort.get_available_providers()
needs_openvino = pytest.mark.skipif(not installed, reason="onnxruntime-openvino is not installed")


class Session:
    """A session as onnxruntime shows it: its provider first, and (provider, node, operator) of all nodes."""

    def __init__(self, *placed, provider=CUDA):
        self._placed, self._provider = placed, provider

    def get_providers(self):
        return [self._provider, CPU]

    def get_provider_graph_assignment_info(self):
        return [
            SimpleNamespace(ep_name=where, get_nodes=lambda name=name, op=op: [SimpleNamespace(name=name, op_type=op)])
            for where, name, op in self._placed
        ]


CONV, RELU = (CUDA, "c1", "Conv"), (CUDA, "r1", "Relu")
DET, RESIZE = (CPU, "d1", "Det"), (CPU, "u1", "Resize")
SHAPE, GATHER = (CPU, "s1", "Shape"), (CPU, "g1", "Gather")


def looked_at(*sessions, of_shapes=("g1",), part="the model"):
    notes = []
    placements = Placements(notes.append)
    for session in sessions:
        placements.look(part, session, frozenset(of_shapes))
    return notes, placements.evidence()


def test_operators_on_the_cpu_are_noted_with_their_number_and_types():
    notes, _ = looked_at(Session(CONV, RELU, DET, RESIZE, (CPU, "u2", "Resize"), SHAPE, GATHER))
    assert notes == [
        f"the model: 3 of 7 operators run on the CPU: 2 Resize, Det; 2 more there compute shapes only, not on {CUDA}"
    ]


def test_all_are_in_the_record():
    _, evidence = looked_at(Session(CONV, RELU, DET, SHAPE))
    assert evidence == {
        "placement": {
            "the model": {
                "operators": 4,
                "elsewhere": [
                    {"name": "d1", "op": "Det", "provider": CPU, "of_shapes": False},
                    {"name": "s1", "op": "Shape", "provider": CPU, "of_shapes": True},
                ],
            }
        }
    }


def test_where_everything_runs_as_asked_the_record_says_so():
    assert looked_at(Session(CONV, RELU)) == ([], {"placement": {"the model": {"operators": 2, "elsewhere": []}}})


def test_what_computes_shapes_only_is_recorded_but_not_noted():
    notes, evidence = looked_at(Session(CONV, SHAPE, GATHER))
    assert notes == []
    assert len(evidence["placement"]["the model"]["elsewhere"]) == 2


def test_sessions_on_the_cpu_are_where_they_should_be():
    assert looked_at(Session((CPU, "c1", "Conv"), provider=CPU)) == ([], {})


def test_a_second_session_is_noted_only_for_what_is_new():
    notes, evidence = looked_at(Session(CONV, DET), Session(CONV, RELU, DET), Session(CONV, RESIZE))
    assert [note.split(": ")[2].partition(",")[0] for note in notes] == ["Det", "Resize"]
    told = evidence["placement"]["the model"]
    assert (told["operators"], [one["op"] for one in told["elsewhere"]]) == (3, ["Det", "Resize"])


def test_another_provider_than_the_cpu_is_named():
    found = sorted_out([("TensorrtExecutionProvider", "c1", "Conv"), (CUDA, "d1", "Det"), RESIZE], CONV[0], frozenset())
    assert str(found) == "2 of 3 operators run on the CPU and Tensorrt: Conv, Resize"


def test_long_lists_of_types_are_cut_in_the_note_only():
    found = sorted_out([(CPU, f"n{i}", f"Op{i}") for i in range(9)], CUDA, frozenset())
    assert str(found).endswith("Op5, …")
    assert len(found.elsewhere) == 9


def test_an_onnxruntime_that_does_not_tell_is_said():
    silent = SimpleNamespace(get_providers=lambda: [CUDA, CPU])
    notes, evidence = looked_at(silent)
    assert "not known" in notes[0]
    assert evidence == {"placement": {"the model": None}}


# --- which nodes compute shapes ----------------------------------------------------------------------------------


def test_nodes_of_shapes_follow_from_shapes_and_stored_numbers_only():
    nodes = [
        helper.make_node("Conv", ["x", "weights"], ["map"], "convolution"),
        helper.make_node("Shape", ["map"], ["shape"], "shape"),
        helper.make_node("Constant", [], ["axis"], "constant", value=numpy_helper.from_array(np.int64(0))),
        helper.make_node("Gather", ["shape", "axis"], ["length"], "first length"),
        helper.make_node("Mul", ["length", "two"], ["doubled"], "doubled"),
        helper.make_node("Cast", ["doubled"], ["number"], "as a float", to=1),
        helper.make_node("Reshape", ["map", "doubled"], ["flat"], "reshaped"),
        helper.make_node("Mul", ["flat", "number"], ["scaled"], "map times length"),
        helper.make_node("Add", ["two", "axis"], ["three"], "of constants"),
    ]
    stored = [numpy_helper.from_array(np.zeros(1), name) for name in ("weights", "two")]
    graph = helper.make_graph(nodes, "g", [], [], stored)
    assert nodes_of_shapes(graph) == {"shape", "first length", "doubled", "as a float"}


def test_nodes_without_a_name_get_one_of_their_own():
    names = ["", "viz_node_0", "", "own"]
    nodes = [helper.make_node("Relu", [f"t{i}"], [f"t{i + 1}"], name) for i, name in enumerate(names)]
    model = helper.make_model(helper.make_graph(nodes, "g", [], []))
    record(ort.SessionOptions(), model)
    found = [node.name for node in model.graph.node]
    assert found[1] == "viz_node_0"
    assert found[3] == "own"
    assert len(set(found)) == 4
    assert all(found)


# --- where OpenVINO is installed ---------------------------------------------------------------------------------


def normalized(tmp_path, operator, **attributes):
    """A convolution, an operator over the channels, and the mean of every channel."""
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["map"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node(operator, ["map"], ["inner"], **attributes),
        helper.make_node("GlobalAveragePool", ["inner"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["scores"]),
    ]
    kernel = np.random.default_rng(0).normal(size=(8, 3, 3, 3)).astype(np.float32)
    path = chain_file(tmp_path / "model.onnx", nodes, {"kernel": kernel}, "scores")
    return load(path, ModelOptions(preprocess="unit", provider="OpenVINO", threads=1))


@needs_openvino
def test_an_operator_that_openvino_does_not_take_is_found(tmp_path):
    model = normalized(tmp_path, "LpPool", kernel_shape=[2, 2])
    [note] = [note for note in model.notes if "operators run" in note]
    assert "LpPool" in note
    elsewhere = model.evidence()["placement"]["the model"]["elsewhere"]
    assert ("LpPool", CPU, False) in [(one["op"], one["provider"], one["of_shapes"]) for one in elsewhere]


@needs_openvino
def test_a_model_that_openvino_takes_as_a_whole_is_recorded_as_such(tmp_path):
    model = normalized(tmp_path, "Relu")
    model.run(images_of(2), ["inner"])
    assert not [note for note in model.notes if "operators run" in note]
    told = model.evidence()["placement"]["the model"]
    assert told["elsewhere"] == []
    assert told["operators"] >= 2
