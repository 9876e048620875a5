"""Gradients are given of what onnxruntime computes: checked on first use, and a wrong operator is found by name."""

import numpy as np
import pytest
import torch
from onnx import helper
from torch.nn import functional

from tests.adapters.onnx_runtime.small_files import (
    UNIT,
    chain_file,
    fake_quantized,
    images_of,
    noise,
    quantized_convolution,
    weights_of,
)
from tests.onnx_models import conv_net
from viz.adapters import load
from viz.adapters.onnx_torch import operator_table
from viz.core.errors import ModelError
from viz.core.gradients import input_gradients
from viz.core.target import class_target, neuron_target


def saliency(model, count=1):
    return input_gradients(model, noise(count, model.size), [class_target(model, 0)] * count)


def test_a_wrong_operator_is_an_error_that_names_the_first_tensor_that_differs(tmp_path, put_operator):
    put_operator("Relu", lambda node, x: functional.relu(x) * 1.01)
    model = load(conv_net(tmp_path / "net.onnx"), UNIT)
    with pytest.raises(ModelError, match=r"otherwise than onnxruntime is 'relu', by 0\.01 of its range") as caught:
        saliency(model)
    assert "viz occlusion" in caught.value.next_step
    assert model.evidence() == {}


@pytest.mark.parametrize("factor", [1.0, 1.0005])
def test_rounding_is_no_disagreement(tmp_path, put_operator, factor):
    put_operator("Relu", lambda node, x: functional.relu(x) * factor)
    model = load(conv_net(tmp_path / "net.onnx"), UNIT)
    saliency(model)
    assert model.evidence()["forward_difference"]["scores"] == pytest.approx(factor - 1, abs=2e-4)


def test_an_inner_layer_that_is_wrong_is_found_when_it_is_asked_for(tmp_path, put_operator):
    """Where the score does not follow from it, as from a second head."""
    put_operator("Sigmoid", lambda node, x: torch.sigmoid(x) + 0.1)
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
        helper.make_node("Sigmoid", ["flat"], ["gate"]),
    ]
    path = chain_file(tmp_path / "net.onnx", nodes, {"weights": weights_of(3).reshape(3, -1).T}, "scores")
    model = load(path, UNIT)
    images = torch.from_numpy(images_of(1))
    model.trace(images, ["scores"])
    with pytest.raises(ModelError, match="'gate'"):
        model.trace(images, ["gate"])


def test_the_figures_are_stored_for_every_output_and_every_layer_asked_for(tmp_path):
    model = load(conv_net(tmp_path / "net.onnx", end="Softmax"), UNIT)
    assert model.evidence() == {}
    input_gradients(model, noise(2), [class_target(model, 0)] * 2, layers=["conv"])
    evidence = model.evidence()
    assert set(evidence["forward_difference"]) == {"scores", "end", "conv"}
    assert max(evidence["forward_difference"].values()) < 1e-5
    assert evidence["forward_tolerance"] == model.forward_tolerance == 1e-3
    assert evidence["operators"]["Conv"] == {"torch function": 1}
    assert evidence["forward_check"] == "from the image to each layer"


def test_the_check_is_made_on_the_users_own_image_and_once(tmp_path, monkeypatch):
    model = load(conv_net(tmp_path / "net.onnx"), UNIT)
    seen = []
    run = model.tracing._run
    monkeypatch.setattr(model.tracing, "_run", lambda image, names: seen.append(image) or run(image, names))
    saliency(model, 3)
    saliency(model, 3)
    assert len(seen) == 1
    np.testing.assert_array_equal(seen[0], noise(3)[:1])


def test_what_was_compared_for_a_certificate_is_not_compared_again(tmp_path, monkeypatch):
    model = load(conv_net(tmp_path / "net.onnx"), UNIT)
    found = model.agreement(noise(1)[0])
    monkeypatch.setattr(model.tracing, "_run", lambda image, names: pytest.fail(f"{names} run again"))
    saliency(model, 2)
    assert model.evidence()["forward_difference"] == found.differences


def test_an_output_without_a_row_per_image_is_left_out_of_the_check(tmp_path):
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
        helper.make_node("NonZero", ["scores"], ["found"]),
    ]
    path = chain_file(tmp_path / "net.onnx", nodes, {"weights": weights_of(3).reshape(3, -1).T}, "scores")
    import onnx

    model = onnx.load(path)
    model.graph.output.append(helper.make_tensor_value_info("found", onnx.TensorProto.INT64, None))
    onnx.save(model, path)
    adapter = load(path, UNIT)
    assert adapter.outputs == ("scores", "found")
    input_gradients(adapter, images_of(1), [neuron_target(adapter, "scores", 0)])
    assert set(adapter.evidence()["forward_difference"]) == {"scores"}


# --- networks that round between their layers are compared operation by operation --------------------------------


def test_each_operation_of_a_rounding_network_is_held_against_onnxruntimes_by_itself(tmp_path, put_operator):
    """A Relu that is wrong by 5 % differs by that, and nothing behind it."""
    nodes = [
        helper.make_node("QuantizeLinear", ["image", "scale", "zero"], ["bytes"]),
        helper.make_node("DequantizeLinear", ["bytes", "scale", "zero"], ["rounded"]),
        helper.make_node("Relu", ["rounded"], ["relu"]),
        helper.make_node("QuantizeLinear", ["relu", "scale", "zero"], ["more_bytes"]),
        helper.make_node("DequantizeLinear", ["more_bytes", "scale", "zero"], ["end"]),
    ]
    constants = {"scale": np.float32(1 / 64), "zero": np.uint8(3)}
    put_operator("Relu", lambda node, x: functional.relu(x) * 1.05)
    model = load(chain_file(tmp_path / "net.onnx", nodes, constants, "end"), UNIT)
    found = model.agreement(images_of(1)[0])
    assert found.how == "each operation by itself"
    assert list(found.differences) == ["bytes", "rounded", "relu", "more_bytes", "end"]
    assert found.differences["relu"] == pytest.approx(0.05, rel=1e-3)
    assert all(size < 1e-6 for name, size in found.differences.items() if name != "relu")
    with pytest.raises(ModelError, match=r"'relu', by 0\.05"):
        input_gradients(model, images_of(1), [neuron_target(model, "end", 0)])


@pytest.mark.parametrize("make", [fake_quantized, quantized_convolution])
def test_networks_that_round_agree_and_say_how_it_was_checked(tmp_path, make):
    model = load(make(tmp_path / "net.onnx"), UNIT)
    model.trace(torch.from_numpy(images_of(2)), ["scores"])
    evidence = model.evidence()
    assert evidence["forward_check"] == "each operation by itself"
    assert {"bytes", "scores"} <= set(evidence["forward_difference"])
    assert max(evidence["forward_difference"].values()) < 1e-6


def test_rounding_by_a_range_found_at_run_time_is_rounding_too(tmp_path):
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("DynamicQuantizeLinear", ["flat"], ["bytes", "scale", "zero"]),
        helper.make_node("MatMulInteger", ["bytes", "weights", "zero"], ["sums"]),
        helper.make_node("Cast", ["sums"], ["floats"], to=1),
        helper.make_node("Mul", ["floats", "scale"], ["scores"]),
    ]
    matrix = np.random.default_rng(0).integers(0, 255, (60, 3)).astype(np.uint8)
    model = load(chain_file(tmp_path / "net.onnx", nodes, {"weights": matrix}, "scores", batch=1), UNIT)
    found = model.agreement(images_of(1)[0])
    assert found.how == "each operation by itself"
    assert {"bytes", "sums", "scores"} <= set(found.differences) and max(found.differences.values()) < 1e-6


def test_one_step_of_eight_bits_is_rounding_and_two_are_not(tmp_path, put_operator):
    true = operator_table._table[("", "QuantizeLinear")][10]
    for steps, expected in ((1, 0.0), (2, pytest.approx(1 / 67, rel=0.1))):  # the brightest pixel is 64 + 3
        put_operator(
            "QuantizeLinear", lambda *a, steps=steps, **k: (true(*a, **k).int() + steps).to(torch.uint8), since=10
        )
        model = load(fake_quantized(tmp_path / "net.onnx"), UNIT)
        assert model.agreement(images_of(1)[0]).differences["bytes"] == expected


def test_a_fixed_batch_of_two_is_compared_as_two_images(tmp_path):
    nodes = [
        helper.make_node("QuantizeLinear", ["image", "scale", "zero"], ["bytes"]),
        helper.make_node("DequantizeLinear", ["bytes", "scale", "zero"], ["rounded"]),
        helper.make_node("Reshape", ["rounded", "shape"], ["scores"]),
    ]
    constants = {"scale": np.float32(1 / 64), "zero": np.uint8(3), "shape": np.array([2, 60])}
    model = load(chain_file(tmp_path / "net.onnx", nodes, constants, "scores", batch=2), UNIT)
    assert set(model.agreement(images_of(1)[0]).differences) == {"bytes", "rounded", "scores"}
