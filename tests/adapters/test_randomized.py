"""New weights in the last layers: in memory, cascading, for ONNX and torch, forwards and backwards."""

import hashlib

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from tests.networks import PlainConv, TinyViT, seeded
from tests.onnx_models import conv_net, image_value, save
from viz.adapters.callable_model import CallableAdapter
from viz.adapters.onnx_graph.randomized import randomized
from viz.core.batching import BatchedAdapter
from viz.core.errors import NotSupported
from viz.core.gradients import input_gradients
from viz.core.model_options import ModelOptions
from viz.core.target import class_target
from viz.models import open_model

UNIT = ModelOptions(preprocess="unit", size="32")
IMAGES = np.random.default_rng(0).random((2, 3, 32, 32), np.float32)


def weights_of(model):
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


@pytest.fixture
def deep(tmp_path):
    """Three convolutions with a normalization, and a matrix at the end that comes through a Transpose."""
    rng = np.random.default_rng(0)
    weights = {f"w{i}": rng.normal(1, 1, (8, 3 if i == 0 else 8, 3, 3)).astype(np.float32) for i in range(3)}
    weights |= {f"b{i}": rng.normal(size=8).astype(np.float32) for i in range(3)}
    weights |= {name: rng.random(8).astype(np.float32) for name in ("scale", "shift", "mean", "var")}
    weights["head"] = rng.normal(size=(5, 8)).astype(np.float32)
    nodes = []
    last = "image"
    for i in range(3):
        nodes.append(helper.make_node("Conv", [last, f"w{i}", f"b{i}"], [f"c{i}"], pads=[1] * 4, strides=[2, 2]))
        nodes.append(helper.make_node("Relu", [f"c{i}"], [f"r{i}"]))
        last = f"r{i}"
    nodes.append(helper.make_node("BatchNormalization", [last, "scale", "shift", "mean", "var"], ["normal"]))
    nodes.append(helper.make_node("GlobalAveragePool", ["normal"], ["pool"]))
    nodes.append(helper.make_node("Flatten", ["pool"], ["flat"]))
    nodes.append(helper.make_node("Transpose", ["head"], ["turned"], perm=[1, 0]))
    nodes.append(helper.make_node("MatMul", ["flat", "turned"], ["scores"]))
    output = image_value("scores", ["n", 5])
    return save(tmp_path / "deep.onnx", nodes, [image_value("image", ["n", 3, 32, 32])], [output], weights)


def test_a_part_takes_that_many_layers_from_the_end(deep):
    model = onnx.load(deep)
    before = weights_of(model)
    changed = {
        part: {n for n, v in weights_of(randomized(model, deep.parent, 0, part)).items() if (v != before[n]).any()}
        for part in (0.2, 0.4, 0.6, 1.0)
    }
    assert changed[0.2] == {"head"}
    assert changed[0.4] == {"head", "scale", "shift", "mean", "var"}
    assert changed[0.6] == changed[0.4] | {"w2", "b2"}
    assert changed[1.0] == set(before)
    assert all((value == before[name]).all() for name, value in weights_of(model).items())


def test_a_larger_part_holds_the_new_weights_of_a_smaller_one(deep):
    model = onnx.load(deep)
    some, all_of_them = (weights_of(randomized(model, deep.parent, 0, part)) for part in (0.6, 1.0))
    for name in ("head", "scale", "w2", "b2"):
        np.testing.assert_array_equal(some[name], all_of_them[name])


def test_kernels_begin_as_he_et_al_and_normalizations_and_biases_as_if_untrained(deep):
    new = weights_of(randomized(onnx.load(deep), deep.parent, 0, 1.0))
    assert new["w1"].std() == pytest.approx(np.sqrt(2 / 72), rel=0.1)
    assert new["w1"].mean() == pytest.approx(0, abs=0.03)
    assert new["head"].std() == pytest.approx(np.sqrt(2 / 8), rel=0.3)
    for name, value in {"b1": 0, "scale": 1, "shift": 0, "mean": 0, "var": 1}.items():
        assert (new[name] == value).all()


def test_the_seed_decides(deep):
    model = onnx.load(deep)
    one, again, other = (weights_of(randomized(model, deep.parent, seed, 1.0))["w0"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert (one != other).all()


def test_the_file_and_the_model_at_hand_stay_as_they_are(deep):
    digest = hashlib.sha256(deep.read_bytes()).hexdigest()
    model = open_model(str(deep), UNIT)
    before = model.run(IMAGES, ["scores"])["scores"]
    other = model.randomized(0, 1.0)
    assert (other.run(IMAGES, ["scores"])["scores"] != before).any()
    np.testing.assert_array_equal(model.run(IMAGES, ["scores"])["scores"], before)
    assert hashlib.sha256(deep.read_bytes()).hexdigest() == digest


def test_forward_and_gradient_use_the_same_new_weights(deep):
    """The executor is checked against onnxruntime on first use: a trace that works has the same values."""
    model = open_model(str(deep), UNIT).randomized(0, 1.0)
    found = input_gradients(model, IMAGES, [class_target(model, 2)] * 2)
    np.testing.assert_allclose(found.values, model.run(IMAGES, ["scores"])["scores"][:, 2], rtol=1e-4)
    assert model.evidence()["forward_difference"]["scores"] < 1e-3
    old = input_gradients(open_model(str(deep), UNIT), IMAGES, [class_target(model, 2)] * 2)
    assert np.abs(found.pixels - old.pixels).max() > 0


def test_quantized_weights_are_shuffled(tmp_path):
    rng = np.random.default_rng(0)
    stored = rng.integers(-120, 120, (6, 3, 3, 3)).astype(np.int8)
    weights = {"w": stored, "w_scale": np.float32(0.01), "w_zero": np.int8(0)}
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "w_scale", "w_zero"], ["kernel"]),
        helper.make_node("Conv", ["image", "kernel"], ["conv"]),
    ]
    output = image_value("conv", ["n", 6, 30, 30])
    path = save(tmp_path / "q.onnx", nodes, [image_value("image", ["n", 3, 32, 32])], [output], weights)
    new = weights_of(randomized(onnx.load(path), tmp_path, 0, 1.0))
    assert new["w"].dtype == np.int8
    assert (new["w"] != stored).any()
    np.testing.assert_array_equal(np.sort(new["w"].ravel()), np.sort(stored.ravel()))
    assert new["w_scale"] == np.float32(0.01)


def test_shapes_and_other_numbers_that_are_no_weights_stay(tmp_path):
    path = conv_net(tmp_path / "net.onnx", flatten=(-1, 6))
    assert (weights_of(randomized(onnx.load(path), tmp_path, 0, 1.0))["flat_shape"] == (-1, 6)).all()


def test_external_and_half_precision_weights_are_drawn_too(tmp_path):
    rng = np.random.default_rng(0)
    weights = {"w": rng.normal(size=(4, 3, 3, 3)).astype(np.float16)}
    image = image_value("image", ["n", 3, 32, 32], TensorProto.FLOAT16)
    output = image_value("conv", ["n", 4, 30, 30], TensorProto.FLOAT16)
    node = helper.make_node("Conv", ["image", "w"], ["conv"])
    options = {"save_as_external_data": True, "size_threshold": 0}
    path = save(tmp_path / "net.onnx", [node], [image], [output], weights, **options)
    kept = onnx.load(path, load_external_data=False)
    new = weights_of(randomized(kept, tmp_path, 0, 1.0))["w"]
    assert new.dtype == np.float16
    assert (new != weights["w"]).any()


def test_a_graph_without_weights_says_so(tmp_path):
    output = image_value("out", ["n", 3, 32, 32])
    node = helper.make_node("Relu", ["image"], ["out"])
    path = save(tmp_path / "none.onnx", [node], [image_value("image", ["n", 3, 32, 32])], [output], {})
    with pytest.raises(NotSupported, match="no weights"):
        randomized(onnx.load(path), tmp_path, 0, 1.0)


def test_a_torch_module_is_copied_and_stays_as_it_is():
    module = seeded(PlainConv)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    model = open_model(module, UNIT)
    head = model.randomized(0, 0.2)
    scores = [one.run(IMAGES, one.outputs[:1])[one.outputs[0]] for one in (model, head, model.randomized(0, 1.0))]
    assert (scores[0] != scores[1]).any()
    assert (scores[1] != scores[2]).any()
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_part_of_a_torch_module_is_its_last_layers_to_run():
    model = open_model(seeded(PlainConv), UNIT)
    names = ("features.0", "features.4", "features.6")
    before, after = (one.run(IMAGES, names) for one in (model, model.randomized(0, 0.4)))
    # Five parts have weights; the last two are the classifier and the normalization before it.
    np.testing.assert_array_equal(before["features.0"], after["features.0"])
    np.testing.assert_array_equal(before["features.4"], after["features.4"])
    assert (before["features.6"] != after["features.6"]).any()


@pytest.mark.parametrize("network", [PlainConv, TinyViT])
def test_gradients_of_a_torch_module_with_new_weights_are_finite_and_others(network):
    model = open_model(seeded(network), UNIT)
    target = class_target(model, 2)
    old, new = (input_gradients(one, IMAGES, [target] * 2).pixels for one in (model, model.randomized(0, 1.0)))
    assert np.isfinite(new).all()
    assert new.any()
    assert np.abs(old - new).max() > 0.1 * np.abs(old).max()


def test_a_function_s_weights_are_out_of_reach():
    model = CallableAdapter(lambda images: images.mean(axis=(2, 3)), (8, 8))
    with pytest.raises(NotSupported, match="drawn anew"):
        BatchedAdapter(model).randomized(0)
