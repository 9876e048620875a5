"""What differences are taken of: files in float32 throughout, and the executor in float64."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from tests.adapters.onnx_runtime.small_files import (
    SIZE,
    UNIT,
    chain_file,
    fake_quantized,
    images_of,
    linear_file,
    noise,
    weights_of,
)
from tests.onnx_models import conv_net, image_value, save
from viz.adapters import load
from viz.adapters.onnx_runtime.widened import widened
from viz.core.errors import NotSupported
from viz.core.gradient_check import _inside, check_gradient, check_gradient_in_double, gradient_checks
from viz.core.model_options import ModelOptions
from viz.core.target import class_target, neuron_target

RAW = ModelOptions(preprocess="raw", device="cpu")
STEP = 1e-3  # of a pixel's range: a quarter of a byte's step


def moved(model, run):
    """By how much the scores change with one pixel, a step that bytes round away."""
    image = images_of(1)
    further = image.copy()
    further[0, 1, 2, 3] += STEP
    return run(further, ["scores"])["scores"] - run(image, ["scores"])["scores"]


def test_a_whole_number_input_is_taken_as_floats(tmp_path):
    weights = weights_of(3)
    model = load(linear_file(tmp_path / "net.onnx", weights, elem_type=TensorProto.UINT8), RAW)
    assert not moved(model, model.run).any()
    expected = 255 * STEP * weights[:, 1, 2, 3]
    np.testing.assert_allclose(moved(model, model.run_unrounded)[0], expected, rtol=0.02)


def test_half_precision_is_widened_with_the_weights_of_the_file(tmp_path):
    weights = weights_of(3)
    model = load(linear_file(tmp_path / "net.onnx", weights, elem_type=TensorProto.FLOAT16), UNIT)
    step = moved(model, model.run_unrounded)[0]
    np.testing.assert_allclose(step, STEP * weights[:, 1, 2, 3].astype(np.float16), rtol=0.02)
    assert np.abs(moved(model, model.run)[0] - step).max() > 0.1 * np.abs(step).max()


def test_any_other_file_is_run_as_it_is(tmp_path):
    model = load(conv_net(tmp_path / "net.onnx"), UNIT)
    images = noise(2)
    np.testing.assert_array_equal(
        model.run_unrounded(images, ["scores"])["scores"], model.run(images, ["scores"])["scores"]
    )


def test_a_file_that_cannot_take_floats_says_so(tmp_path):
    nodes = [
        helper.make_node("BitShift", ["image", "one"], ["halved"], direction="RIGHT"),
        helper.make_node("Cast", ["halved"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["floats"], ["scores"]),
    ]
    path = save(
        tmp_path / "net.onnx",
        nodes,
        [image_value("image", ["n", 3, *SIZE], TensorProto.UINT8)],
        [image_value("scores", None)],
        {"one": np.uint8(1)},
    )
    model = load(path, RAW)
    with pytest.raises(NotSupported, match="cannot be run in float32 from a float32 input"):
        model.run_unrounded(images_of(1), ["scores"])


def test_widening_reaches_branches_casts_and_constants_and_leaves_the_original_alone():
    value = helper.make_tensor_value_info
    half = TensorProto.FLOAT16
    constant = onnx.numpy_helper.from_array(np.float16([1, 2]), "in_branch")
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["b"], value=constant)], "b", [], [value("b", half, [2])]
    )
    nodes = [
        helper.make_node("Cast", ["image"], ["x"], to=half),
        helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch),
        helper.make_node("Mul", ["x", "y"], ["z"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [value("image", TensorProto.UINT8, [2])],
        [value("z", half, [2])],
        [onnx.numpy_helper.from_array(np.array(True), "yes")],
    )
    model = helper.make_model(graph)
    before = model.SerializeToString()
    wide = widened(model, "image", "")
    assert model.SerializeToString() == before
    assert b"in_branch" in wide.SerializeToString()
    types = [
        wide.graph.input[0].type.tensor_type.elem_type,
        wide.graph.output[0].type.tensor_type.elem_type,
        wide.graph.node[0].attribute[0].i,
        wide.graph.node[1].attribute[0].g.node[0].attribute[0].t.data_type,
        wide.graph.node[1].attribute[0].g.output[0].type.tensor_type.elem_type,
    ]
    assert types == [TensorProto.FLOAT] * 5


@pytest.mark.parametrize("elem_type", [TensorProto.FLOAT, TensorProto.UINT8, TensorProto.FLOAT16])
def test_in_float64_nothing_is_rounded(tmp_path, elem_type):
    weights = weights_of(3)
    model = load(linear_file(tmp_path / "net.onnx", weights, elem_type=elem_type), RAW)
    pixels = torch.from_numpy(images_of(1).astype(float))
    (one, other) = (model.trace_double(pixels + shift, ["scores"]).values["scores"] for shift in (0, 1e-9))
    assert one.dtype == torch.float64
    stored = weights.astype(np.float16 if elem_type == TensorProto.FLOAT16 else np.float32).astype(float)
    np.testing.assert_allclose((other - one)[0].numpy(), 255e-9 * stored.sum(axis=(1, 2, 3)), rtol=1e-4)


def test_in_float64_roundings_inside_the_network_are_left_out_and_its_cuts_are_not(tmp_path):
    """64 steps to the unit from 3 up to 255: nothing is cut above, everything below -3/64."""
    weights = weights_of(3)
    model = load(fake_quantized(tmp_path / "net.onnx"), UNIT)
    pixels = torch.from_numpy(images_of(1).astype(float))
    exact = np.einsum("kchw,bchw->bk", weights.astype(float), pixels.numpy())
    np.testing.assert_allclose(model.trace_double(pixels, ["scores"]).values["scores"].numpy(), exact, rtol=1e-12)
    dark = model.trace_double(pixels - 2, ["rounded"]).values["rounded"]
    np.testing.assert_allclose(dark.numpy(), -3 / 64)
    rounded = model.trace(pixels.float(), ["scores"]).values["scores"].numpy()
    assert np.abs(rounded - exact).max() > 1e-4


# --- the checks themselves ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("elem_type", [TensorProto.FLOAT, TensorProto.UINT8, TensorProto.FLOAT16])
@pytest.mark.parametrize("batch", [1, "n"])
def test_gradients_hold_against_differences_of_onnxruntime_and_in_float64(tmp_path, elem_type, batch):
    model = load(linear_file(tmp_path / "net.onnx", weights_of(3), elem_type=elem_type, batch=batch), RAW)
    target = class_target(model, 1)
    outer = check_gradient(model, images_of(1)[0], target)
    inner = check_gradient_in_double(model, images_of(1)[0], target)
    assert outer.by == model.source.runtime and outer.holds() and outer.uncertainty < 0.1
    assert inner.by == "the gradient pass, float64" and inner.holds() and inner.error < 1e-5


def test_a_network_that_rounds_inside_is_checked_without_its_roundings_only(tmp_path):
    """Black and white, where the quantizer of the image begins to cut, do not disturb."""
    model = load(fake_quantized(tmp_path / "net.onnx", zero=0), UNIT)
    image = np.rint(images_of(1)[0])
    (found,) = gradient_checks(model, image, neuron_target(model, "scores", 1))
    assert found.by == "the gradient pass, float64, without its roundings"
    assert found.holds() and found.error < 1e-6
    assert not check_gradient(model, image, neuron_target(model, "scores", 1)).holds()


def test_flat_areas_do_not_disturb_where_a_pool_takes_the_largest(tmp_path):
    """Of equal values any may be the largest: the slope up is not the slope down."""
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["convolved"]),
        helper.make_node("MaxPool", ["convolved"], ["pool"], kernel_shape=[3, 2]),
        helper.make_node("Flatten", ["pool"], ["flat"]),
        helper.make_node("ReduceSum", ["flat", "axis"], ["scores"]),
    ]
    constants = {"axis": np.array([1]), "kernel": np.random.default_rng(0).normal(size=(4, 3, 2, 2)).astype(np.float32)}
    model = load(chain_file(tmp_path / "net.onnx", nodes, constants, "scores"), UNIT)
    white, target = np.ones((3, *SIZE), np.float32), neuron_target(model, "scores", 0)
    assert not check_gradient_in_double(model, white, target).holds()
    assert check_gradient_in_double(model, _inside(white, 0), target).holds()


def test_a_path_that_ends_is_no_check(tmp_path):
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("ArgMax", ["flat"], ["largest"], axis=1),
        helper.make_node("Cast", ["largest"], ["scores"], to=TensorProto.FLOAT),
    ]
    model = load(chain_file(tmp_path / "net.onnx", nodes, {}, "scores"), UNIT)
    with pytest.raises(NotSupported, match="ArgMax"):
        gradient_checks(model, images_of(1)[0], neuron_target(model, "scores", 0))
    with pytest.raises(NotSupported, match="ArgMax"):
        check_gradient_in_double(model, images_of(1)[0], neuron_target(model, "scores", 0))
