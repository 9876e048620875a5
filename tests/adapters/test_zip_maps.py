"""Classifiers that end in ZipMap: their scores are read before they become maps."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import viz
from viz.core.gradients import input_gradients
from viz.core.target import targets_for

WEIGHTS = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(np.float32)
IMAGES = np.random.default_rng(1).random((2, 3, 16, 16), np.float32)


def classifier(path, end):
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("GlobalAveragePool", ["c"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("Softmax", ["f"], ["p"], axis=1),
        *end,
    ]
    maps = helper.make_sequence_type_proto(
        helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    )
    last = helper.make_value_info("maps", maps) if end else helper.make_tensor_value_info("p", 1, ["n", 4])
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 16, 16])
    graph = helper.make_graph(nodes, "g", [image], [last], [numpy_helper.from_array(WEIGHTS, "w")])
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx.ml", 2)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return viz.load(path)


ZIP_MAP = helper.make_node("ZipMap", ["p"], ["maps"], domain="ai.onnx.ml", classlabels_strings=["a", "b", "c", "d"])


def test_its_scores_and_gradients_are_those_of_the_model_without_it(tmp_path):
    plain, zipped = classifier(tmp_path / "plain.onnx", []), classifier(tmp_path / "zipped.onnx", [ZIP_MAP])
    found = [input_gradients(m, IMAGES, targets_for("top1", m, IMAGES)) for m in (plain, zipped)]
    np.testing.assert_array_equal(found[0].pixels, found[1].pixels)
    np.testing.assert_array_equal(found[0].values, found[1].values)


def test_it_is_noted_and_gives_the_class_names(tmp_path):
    model = classifier(tmp_path / "zipped.onnx", [ZIP_MAP])
    assert any("ZipMap is left out" in note for note in model.notes)
    assert model.labels.names == ("a", "b", "c", "d")
    assert not any("ZipMap" in note for note in classifier(tmp_path / "plain.onnx", []).notes)
