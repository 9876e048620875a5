"""Gradients through ONNX files as users ask for them: preprocessing, batches, layers, and where a path ends."""

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

from tests.adapters.onnx_runtime.small_files import (
    SIZE,
    UNIT,
    branching_file,
    chain_file,
    fake_quantized,
    images_of,
    linear_file,
    noise,
    quantized_convolution,
    weights_of,
)
from tests.onnx_models import conv_net
from viz.adapters import load
from viz.core.adapter import FORWARD_ONLY, INPUT_ROUNDING
from viz.core.errors import NotSupported, UnknownName
from viz.core.gradients import input_gradients
from viz.core.model_options import ModelOptions
from viz.core.preprocess import GRAY_WEIGHTS
from viz.core.target import class_target, neuron_target


def gradients(model, images, channel=1, rule="plain", layers=()):
    return input_gradients(model, images, [class_target(model, channel)] * len(images), rule, layers)


def one_by_one(model, images, layers=()):
    """The slow twin: every image alone."""
    found = [gradients(model, images[i : i + 1], layers=layers) for i in range(len(images))]
    return np.concatenate([one.pixels for one in found]), {
        name: np.concatenate([one.layers[name] for one in found]) for name in layers
    }


# --- a linear file's gradient is its weights, whatever lies between pixels and input -----------------------------


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize(
    ("elem_type", "exact"),
    [(TensorProto.FLOAT, 1e-6), (TensorProto.UINT8, 1e-6), (TensorProto.FLOAT16, 1e-3)],
    ids=["float32", "uint8", "float16"],
)
def test_the_gradient_of_a_linear_file_is_its_weights(tmp_path, layout, elem_type, exact):
    weights = weights_of(3)
    model = load(linear_file(tmp_path / "net.onnx", weights, layout, elem_type), ModelOptions(preprocess="raw"))
    found = gradients(model, images_of(3))
    expected = np.repeat(255 * weights[1:2], 3, axis=0)
    np.testing.assert_allclose(found.pixels, expected, rtol=0, atol=exact * np.abs(expected).max())
    assert found.straight_through == ((INPUT_ROUNDING,) if elem_type == TensorProto.UINT8 else ())


def test_colour_order_range_mean_and_std_are_part_of_the_gradient(tmp_path):
    weights = weights_of(3)
    options = ModelOptions(channels="bgr", range="-1,1", mean="0.1,0.2,0.3", std="0.5,0.25,2", device="cpu")
    model = load(linear_file(tmp_path / "net.onnx", weights), options)
    expected = weights[1, ::-1] * np.array([1, 8, 4], np.float32)[:, None, None]  # (hi - lo) / std, blue last
    np.testing.assert_allclose(gradients(model, images_of(2)).pixels, np.stack([expected] * 2), rtol=1e-5)


def test_a_grey_input_shares_its_gradient_among_the_colours(tmp_path):
    weights = weights_of(1)
    model = load(linear_file(tmp_path / "net.onnx", weights), UNIT)
    expected = weights[1] * np.array(GRAY_WEIGHTS, np.float32)[:, None, None]
    np.testing.assert_allclose(gradients(model, images_of(1)).pixels[0], expected, rtol=1e-5)


def test_values_are_those_of_run_for_every_layer(tmp_path):
    model, images = load(conv_net(tmp_path / "net.onnx", end="Softmax"), UNIT), noise(2)
    names = list(model.layers)
    traced, expected = model.trace(torch.from_numpy(images), names).values, model.run(images, names)
    assert len(names) > 5
    for name in names:
        assert traced[name].dtype == torch.float32
        np.testing.assert_allclose(traced[name].numpy(), expected[name], rtol=1e-4, atol=1e-5)


# --- several images ---------------------------------------------------------------------------------------------

BATCHES = {
    "free": {"batch": "n"},
    "fixed": {"batch": 1, "flatten": [1, 6]},
    "two at a time": {"batch": 2, "flatten": [2, 6]},
}
WAYS = {"free": "together", "fixed": "vmapped", "two at a time": "vmapped"}


@pytest.mark.parametrize("batch", BATCHES)
def test_three_images_get_the_gradients_that_each_gets_alone_also_at_inner_layers(tmp_path, batch):
    """A fixed batch is run by vmap, and the layers are then found behind it."""
    model, images = load(conv_net(tmp_path / "net.onnx", **BATCHES[batch]), UNIT), noise(3)
    layers = ["conv", "relu", "pool"]
    found = gradients(model, images, layers=layers)
    pixels, of_layers = one_by_one(load(conv_net(tmp_path / "free.onnx"), UNIT), images, layers)
    np.testing.assert_allclose(found.pixels, pixels, rtol=1e-4, atol=1e-7)
    assert np.abs(pixels[0] - pixels[1]).max() > 1e-3
    for name in layers:
        np.testing.assert_allclose(found.layers[name], of_layers[name], rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(found.activations[name], model.run(images, [name])[name], rtol=1e-4, atol=1e-6)
    assert model.tracing.graph.way((*class_target(model, 1).layers, *layers)) == WAYS[batch]


def test_inner_layers_by_themselves_give_the_same_without_the_way_down_to_the_pixels(tmp_path):
    model, images = load(conv_net(tmp_path / "net.onnx", **BATCHES["fixed"]), UNIT), noise(3)
    targets = [class_target(model, 1)] * 3
    with_pixels = input_gradients(model, images, targets, layers=["relu"])
    without = input_gradients(model, images, targets, layers=["relu"], pixels=False)
    np.testing.assert_array_equal(with_pixels.layers["relu"], without.layers["relu"])
    assert not without.pixels.any()


def test_images_that_take_different_branches_run_one_by_one_and_the_user_is_told(tmp_path):
    model = load(branching_file(tmp_path / "net.onnx"), UNIT)
    images = np.stack([np.full((3, *SIZE), value, np.float32) for value in (0.2, 0.95, 0.3)])
    target = neuron_target(model, "scores", 1)
    found = input_gradients(model, images, [target] * 3, layers=["linear"])
    expected = weights_of(3)[1] * np.array([1, 3, 1], np.float32)[:, None, None, None]
    np.testing.assert_allclose(found.pixels, expected, rtol=1e-5)
    np.testing.assert_allclose(found.layers["linear"][:, 1], [1, 3, 1])
    assert any("for gradients, several images run one by one" in note for note in model.notes)


def test_the_forward_pass_does_not_take_one_branch_for_all_images_either(tmp_path):
    model = load(branching_file(tmp_path / "net.onnx"), UNIT)
    images = np.stack([np.full((3, *SIZE), value, np.float32) for value in (0.2, 0.95, 0.3)])
    alone = np.concatenate([model.run(images[i : i + 1], ["scores"])["scores"] for i in range(3)])
    np.testing.assert_allclose(model.run(images, ["scores"])["scores"], alone, rtol=1e-5)
    assert any("If or Loop" in note for note in model.notes)


# --- where there is no gradient, or one that passes a rounding ----------------------------------------------------


def test_a_path_that_ends_names_the_operation_the_tensor_and_what_works_instead(tmp_path):
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("ArgMax", ["flat"], ["largest"], "head", axis=1),
        helper.make_node("Cast", ["largest"], ["scores"], to=TensorProto.FLOAT),
    ]
    model = load(chain_file(tmp_path / "net.onnx", nodes, {}, "scores"), UNIT)
    with pytest.raises(NotSupported, match=r"the path ends at ArgMax 'head'") as caught:
        input_gradients(model, images_of(2), [neuron_target(model, "scores", 0)] * 2)
    assert caught.value.next_step == FORWARD_ONLY
    for technique in ("occlusion", "rise", "recipro-cam", "score-cam"):
        assert technique in caught.value.next_step


def test_integer_convolutions_end_the_path(tmp_path):
    model = load(quantized_convolution(tmp_path / "net.onnx"), UNIT)
    with pytest.raises(NotSupported, match=r"the path ends at QLinearConv 'conv1'"):
        input_gradients(model, images_of(1), [neuron_target(model, "scores", 0)])


def test_roundings_between_float_layers_are_passed_straight_through_and_named(tmp_path):
    model = load(fake_quantized(tmp_path / "net.onnx"), UNIT)
    found = gradients(model, images_of(2))
    np.testing.assert_allclose(found.pixels, np.repeat(weights_of(3)[1:2], 2, axis=0), rtol=1e-5)
    assert found.straight_through == ("QuantizeLinear 'q'",)


def test_every_map_of_such_a_model_carries_a_warning(tmp_path):
    from viz.techniques.attribution.saliency import Saliency

    model = load(fake_quantized(tmp_path / "net.onnx"), UNIT)
    for found in Saliency()(model, images_of(2), [class_target(model, 0)] * 2):
        assert any("straight-through gradient: QuantizeLinear" in text for text in found.warnings)


def test_a_rule_that_finds_nothing_to_change_is_refused(tmp_path):
    model = load(linear_file(tmp_path / "net.onnx", weights_of(3)), UNIT)
    with pytest.raises(NotSupported, match="guided found no operation that it could change"):
        gradients(model, images_of(1), rule="guided")


def test_a_rule_counts_the_operations_of_one_pass_whatever_was_tried_before(tmp_path):
    model = load(conv_net(tmp_path / "net.onnx", **BATCHES["fixed"]), UNIT)
    assert gradients(model, noise(3), rule="guided").changed == {"relu": 1}
    assert gradients(model, noise(1), rule="guided").changed == {"relu": 1}


def test_an_unknown_layer_offers_the_nearest(tmp_path):
    model = load(conv_net(tmp_path / "net.onnx"), UNIT)
    with pytest.raises(UnknownName, match="no tensor is called 'rulu'; did you mean 'relu'"):
        model.trace(torch.from_numpy(noise(1)), ["rulu"])


# --- precision --------------------------------------------------------------------------------------------------


def overflowing_file(path):
    """In half precision the square overflows; in float32 it does not."""
    nodes = [
        helper.make_node("Mul", ["image", "many"], ["large"]),
        helper.make_node("Mul", ["large", "large"], ["square"]),
        helper.make_node("ReduceMean", ["square"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "few"], ["scores"]),
    ]
    constants = {"many": np.float16(150), "few": np.float16(1 / 256)}
    file = chain_file(path, nodes, constants, "scores", output_type=TensorProto.FLOAT16)
    import onnx

    model = onnx.load(file)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    onnx.save(model, file)
    return file


def test_half_precision_is_computed_in_float32_unless_native_is_asked_for(tmp_path):
    path, images = overflowing_file(tmp_path / "net.onnx"), images_of(1)
    model = load(path, UNIT)
    native = load(path, ModelOptions(preprocess="unit", device="cpu", precision="native"))
    wide = model.tracing.graph.trace(torch.from_numpy(images).requires_grad_(), ["scores"]).values["scores"]
    narrow = native.tracing.graph.trace(torch.from_numpy(images).requires_grad_(), ["scores"]).values["scores"]
    assert wide.dtype == narrow.dtype == torch.float32
    expected = (images.astype(np.float16).astype(float) * 150) ** 2
    np.testing.assert_allclose(wide.detach().numpy(), expected.mean(axis=(2, 3)) / 256, rtol=1e-3)
    bright = native.tracing.graph.trace(torch.full((1, 3, *SIZE), 2.0), ["square"]).values["square"]
    assert torch.isinf(bright).all()  # 300 squared is more than half precision holds
    assert torch.isfinite(model.tracing.graph.trace(torch.full((1, 3, *SIZE), 2.0), ["square"]).values["square"]).all()


@pytest.mark.parametrize("precision", ["float32", "native"])
def test_both_precisions_give_the_gradient_of_a_file_in_half_precision(tmp_path, precision):
    weights = weights_of(3)
    options = ModelOptions(preprocess="unit", device="cpu", precision=precision)
    model = load(linear_file(tmp_path / "net.onnx", weights, elem_type=TensorProto.FLOAT16), options)
    found = gradients(model, images_of(2))
    np.testing.assert_allclose(found.pixels, np.repeat(weights[1:2], 2, axis=0), rtol=2e-3, atol=2e-3)
