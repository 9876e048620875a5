"""A float32 graph in float16: the same function to three digits, with ends that stay as they are."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from tests.adapters.onnx_runtime.small_files import SIZE, chain_file, images_of, linear_file, weights_of
from viz.adapters.onnx_runtime.half_precision import in_half_precision
from viz.core.errors import ModelError


def run(model, images):
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(zip([out.name for out in session.get_outputs()], session.run(None, {"image": images}), strict=True))


def linear_model(tmp_path, weights):
    return onnx.load(linear_file(tmp_path / "model.onnx", weights))


def test_scores_are_those_of_weights_rounded_to_half_precision(tmp_path):
    weights, images = weights_of(3), images_of(2)
    scores = run(in_half_precision(linear_model(tmp_path, weights), tmp_path), images)["scores"]

    rounded = weights.astype(np.float16).astype(np.float64).reshape(3, -1)
    expected = images.astype(np.float16).astype(np.float64).reshape(2, -1) @ rounded.T
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, rtol=2e-3, atol=2e-3)  # half precision has eleven bits
    assert not np.array_equal(scores, images.reshape(2, -1) @ weights.reshape(3, -1).T)


def test_weights_take_half_the_room_and_the_model_given_stays_as_it_is(tmp_path):
    model = linear_model(tmp_path, weights_of(3))
    before = model.SerializeToString()
    half = in_half_precision(model, tmp_path)
    assert [tensor.data_type for tensor in half.graph.initializer] == [TensorProto.FLOAT16]
    assert [value.type.tensor_type.elem_type for value in (*half.graph.input, *half.graph.output)] == [1, 1]
    assert model.SerializeToString() == before


def test_an_inner_tensor_that_is_also_used_comes_out_as_before(tmp_path):
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["map"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["map"], ["rectified"]),
        helper.make_node("GlobalAveragePool", ["rectified"], ["scores"]),
    ]
    kernel = np.random.default_rng(3).normal(size=(4, 3, 3, 3)).astype(np.float32)
    model = onnx.load(chain_file(tmp_path / "model.onnx", nodes, {"kernel": kernel}, "scores"))
    model.graph.output.append(helper.make_tensor_value_info("map", TensorProto.FLOAT, None))
    images = images_of(2)
    plain, half = run(model, images), run(in_half_precision(model, tmp_path), images)
    assert plain["map"].shape == (2, 4, *SIZE)
    for name in ("scores", "map"):
        assert half[name].dtype == np.float32
        np.testing.assert_allclose(half[name], plain[name], atol=1e-2)


def test_weights_in_a_file_beside_the_model_are_found(tmp_path):
    weights = weights_of(3)
    whole = linear_model(tmp_path, weights)
    beside = {"save_as_external_data": True, "location": "weights.bin", "size_threshold": 0}
    onnx.save(linear_model(tmp_path, weights), tmp_path / "apart.onnx", **beside)
    apart = onnx.load(tmp_path / "apart.onnx", load_external_data=False)
    images = images_of(1)
    found = run(in_half_precision(apart, tmp_path), images)["scores"]
    np.testing.assert_array_equal(found, run(in_half_precision(whole, tmp_path), images)["scores"])


def test_a_weight_beyond_the_range_is_an_error_that_names_it(tmp_path):
    weights = weights_of(3)
    weights[0, 0, 0, 0] = -1e5
    with pytest.raises(ModelError, match=r"'weights' holds 1e\+05") as caught:
        in_half_precision(linear_model(tmp_path, weights), tmp_path)
    assert caught.value.next_step == "leave out --precision fp16"
