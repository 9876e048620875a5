"""Kernels of ONNX files: the numbers that the layer multiplies with, what they see, and what follows them."""

import numpy as np
import pytest
from onnx import TensorProto

from tests.adapters.onnx_graph.kernel_files import convolved, file, from_pixels, normal, opened, pixels
from viz.core.errors import NotSupported, UnknownName


def conv(weights="w", image="image", out="conv", **attributes):
    return ("Conv", [image, weights], out, {"kernel_shape": [3, 3], **attributes})


def agrees(model, layer, images, tolerance=1e-5):
    """What the layer gives is what its kernel makes of the image's pixels."""
    kernel = model.kernel(layer)
    assert kernel.on_image
    expected = model.run(images, [kernel.layer])[kernel.layer]
    np.testing.assert_allclose(convolved(from_pixels(images, kernel), kernel), expected, atol=tolerance)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"strides": [2, 3], "pads": [1, 0, 2, 1]},
        {"dilations": [2, 1], "pads": [2, 1, 2, 1]},
        {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
        {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
        {"auto_pad": "VALID"},
    ],
    ids=str,
)
def test_a_convolution_on_the_image_is_what_the_kernel_says(tmp_path, attributes):
    model = opened(file(tmp_path, [conv(**attributes)], {"w": normal(5, 3, 3, 3)}, "conv"), preprocess="imagenet")
    agrees(model, "conv", pixels())


def test_groups_are_kept(tmp_path):
    model = opened(file(tmp_path, [conv(group=3)], {"w": normal(6, 1, 3, 3)}, "conv"))
    assert model.kernel("conv").groups == 3
    agrees(model, "conv", pixels())


def test_colour_order_range_and_mean_are_inside_the_mixture_of_pixels(tmp_path):
    path = file(tmp_path, [conv()], {"w": normal(2, 3, 3, 3)}, "conv")
    model = opened(path, preprocess="unit", channels="bgr", range="0,255", mean="104,117,123")
    kernel = model.kernel("conv")
    np.testing.assert_array_equal(kernel.image_weights, 255 * np.eye(3)[::-1])
    np.testing.assert_array_equal(kernel.image_offset, [-104, -117, -123])
    agrees(model, "conv", pixels(), tolerance=1e-3)


def test_scaling_inside_the_graph_is_inside_the_mixture_as_well(tmp_path):
    mean, std = np.array([0.1, 0.2, 0.3]).reshape(1, 3, 1, 1), np.array([2.0, 4.0, 5.0]).reshape(3, 1, 1)
    nodes = [
        ("Sub", ["image", "mean"], "centred"),
        ("Div", ["centred", "std"], "scaled"),
        ("Sub", ["one", "scaled"], "turned"),
        ("Gather", ["turned", "order"], "reordered", {"axis": 1}),
        conv(image="reordered"),
    ]
    weights = {"mean": mean, "std": std, "one": np.ones(1)}
    weights = {name: value.astype(np.float32) for name, value in weights.items()}
    model = opened(
        file(tmp_path, nodes, {**weights, "order": np.array([2, 0, 1]), "w": normal(4, 3, 3, 3)}, "conv"),
        preprocess="unit",
    )
    agrees(model, "conv", pixels())
    np.testing.assert_allclose(model.kernel("conv").image_weights[0], [0, 0, -1 / 5], atol=1e-7)


def test_whole_numbers_in_the_order_of_bytes_are_seen_through(tmp_path):
    nodes = [
        ("Cast", ["image"], "floats", {"to": TensorProto.FLOAT}),
        ("Transpose", ["floats"], "planes", {"perm": [0, 3, 1, 2]}),
        ("Mul", ["planes", "step"], "scaled"),
        conv(image="scaled"),
    ]
    weights = {"step": np.float32(1 / 255), "w": normal(4, 3, 3, 3)}
    model = opened(
        file(tmp_path, nodes, weights, "conv", ("image", [1, 12, 12, 3]), TensorProto.UINT8), preprocess="raw"
    )
    agrees(model, "conv", pixels())
    np.testing.assert_allclose(model.kernel("conv").image_weights, np.eye(3), atol=1e-6)


@pytest.mark.parametrize("op", ["Relu", "Sigmoid"])
def test_an_image_that_was_changed_otherwise_is_the_image_no_more(tmp_path, op):
    model = opened(file(tmp_path, [(op, ["image"], "other"), conv(image="other")], {"w": normal(2, 3, 3, 3)}, "conv"))
    kernel = model.kernel("conv")
    assert not kernel.on_image and kernel.image_weights is None and kernel.source == ""


def test_a_mean_image_is_no_fixed_shift_of_a_channel(tmp_path):
    nodes = [("Sub", ["image", "mean"], "centred"), conv(image="centred")]
    model = opened(file(tmp_path, nodes, {"mean": normal(1, 3, 12, 12), "w": normal(2, 3, 3, 3)}, "conv"))
    assert not model.kernel("conv").on_image


STORED = {
    "initializer": ([], lambda w: {"w": w}),
    "identity": ([("Identity", ["stored"], "w")], lambda w: {"stored": w}),
    "transpose": (
        [("Transpose", ["stored"], "w", {"perm": [3, 2, 0, 1]})],
        lambda w: {"stored": w.transpose(2, 3, 1, 0)},
    ),
    "half": ([("Cast", ["stored"], "w", {"to": TensorProto.FLOAT})], lambda w: {"stored": w.astype(np.float16)}),
    "product": ([("Mul", ["stored", "two"], "w")], lambda w: {"stored": w / 2, "two": np.float32(2)}),
}


@pytest.mark.parametrize("how", STORED)
def test_weights_are_found_behind_what_makes_them(tmp_path, how):
    nodes, stored = STORED[how]
    weights = normal(4, 3, 3, 3).astype(np.float16).astype(np.float32)
    model = opened(file(tmp_path, [*nodes, conv()], stored(weights), "conv"))
    np.testing.assert_allclose(model.kernel("conv").weights, weights, atol=1e-6)


def test_weights_in_a_file_of_their_own_are_read(tmp_path):
    weights = normal(4, 3, 3, 3)
    path = file(
        tmp_path, [conv()], {"w": weights}, "conv", save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    assert (tmp_path / "weights.bin").stat().st_size >= weights.nbytes
    np.testing.assert_array_equal(opened(path).kernel("conv").weights, weights)


def test_quantized_weights_are_the_numbers_that_they_stand_for(tmp_path):
    stored = np.random.default_rng(0).integers(-100, 100, (4, 3, 3, 3)).astype(np.int8)
    steps = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    nodes = [("DequantizeLinear", ["stored", "steps", "zeros"], "w", {"axis": 0}), conv()]
    model = opened(file(tmp_path, nodes, {"stored": stored, "steps": steps, "zeros": np.zeros(4, np.int8)}, "conv"))
    np.testing.assert_allclose(model.kernel("conv").weights, stored * steps[:, None, None, None], rtol=1e-6)


def test_a_quantized_convolution_is_that_of_the_numbers_behind_it(tmp_path):
    stored = np.random.default_rng(0).integers(0, 255, (4, 3, 3, 3)).astype(np.uint8)
    names = ["x", "xs", "xz", "stored", "ws", "wz", "ys", "yz", "b"]
    nodes = [("QuantizeLinear", ["image", "xs", "xz"], "x"), ("QLinearConv", names, "y")]
    weights = {
        "xs": np.float32(1 / 255), "xz": np.uint8(0), "stored": stored, "ws": np.float32(0.01), "wz": np.uint8(128),
        "ys": np.float32(0.06), "yz": np.uint8(128), "b": np.array([0, 100, 2000, -500], np.int32),
    }  # fmt: skip
    model = opened(file(tmp_path, [*nodes, ("DequantizeLinear", ["y", "ys", "yz"], "out")], weights, "out"))
    kernel = model.kernel("out")
    assert kernel.layer == "y" and kernel.op == "QLinearConv"
    values = convolved(from_pixels(pixels(), kernel), kernel)
    assert np.abs(values).max() < 7.6  # nothing reaches the ends of its range
    np.testing.assert_allclose(values, model.run(pixels(), ["out"])["out"], atol=0.031)


def test_a_dynamically_quantized_convolution_is_called_by_its_scaled_result(tmp_path):
    stored = np.random.default_rng(0).integers(-127, 127, (4, 3, 3, 3)).astype(np.int8)
    nodes = [
        ("DynamicQuantizeLinear", ["image"], ["x", "xs", "xz"]),
        ("ConvInteger", ["x", "stored", "xz", "wz"], "whole"),
        ("Cast", ["whole"], "floats", {"to": TensorProto.FLOAT}),
        ("Mul", ["xs", "ws"], "step"),
        ("Mul", ["floats", "step"], "y"),
    ]
    weights = {"stored": stored, "wz": np.int8(0), "ws": np.float32(0.01)}
    model = opened(file(tmp_path, nodes, weights, "y"))
    assert model.kernels() == ("y",)
    kernel = model.kernel("y")
    np.testing.assert_allclose(kernel.weights, stored * np.float32(0.01), rtol=1e-6)
    agrees(model, "y", pixels(), tolerance=0.05)


def test_dense_layers_are_convolutions_of_one_by_one(tmp_path):
    nodes = [
        conv(),
        ("GlobalAveragePool", ["conv"], "pool"),
        ("Flatten", ["pool"], "flat"),
        ("Gemm", ["flat", "g", "b"], "gemm", {"transB": 1, "alpha": 0.5, "beta": 2.0}),
        ("MatMul", ["gemm", "m"], "product"),
    ]
    weights = {"w": normal(6, 3, 3, 3), "g": normal(5, 6), "b": normal(5), "m": normal(5, 2)}
    model = opened(file(tmp_path, nodes, weights, "product"))
    gemm, product = model.kernel("gemm"), model.kernel("product")
    found = model.run(pixels(), ["flat", "gemm", "product"])
    assert (gemm.source, product.source) == ("conv", "gemm")
    np.testing.assert_allclose(found["flat"] @ gemm.weights[:, :, 0, 0].T + gemm.bias, found["gemm"], atol=1e-5)
    np.testing.assert_allclose(found["gemm"] @ product.weights[:, :, 0, 0].T, found["product"], atol=1e-5)


@pytest.mark.parametrize("groups", [1, 2])
def test_a_transposed_convolution_has_a_row_for_each_output(tmp_path, groups):
    spread = ("ConvTranspose", ["conv", "t"], "spread", {"group": groups, "strides": [2, 2]})
    model = opened(file(tmp_path, [conv(), spread], {"w": normal(4, 3, 3, 3), "t": normal(4, 3, 2, 2)}, "spread"))
    kernel = model.kernel("spread")
    impulse = np.zeros((4, 4, 10, 10), np.float32)
    impulse[range(4), range(4), 5, 5] = 1
    found = model.run_from("conv", impulse, ["spread"])["spread"][:, :, 10:12, 10:12]
    assert kernel.weights.shape == (3 * groups, 4 // groups, 2, 2)
    for output in range(3 * groups):
        first = output // 3 * (4 // groups)
        for k in range(4 // groups):
            np.testing.assert_allclose(found[first + k, output], kernel.weights[output, k], atol=1e-6)


BETWEEN = {
    "relu": [("Relu", ["conv"], "x")],
    "swish": [("Sigmoid", ["conv"], "gate"), ("Mul", ["conv", "gate"], "x")],
    "bias": [("Add", ["conv", "bias"], "x")],
    "pooling": [("MaxPool", ["conv"], "x", {"kernel_shape": [2, 2]})],
    "dropout": [("Dropout", ["conv"], ["x", ""])],
    "quantized": [("QuantizeLinear", ["conv", "step", "zero"], "q"), ("DequantizeLinear", ["q", "step", "zero"], "x")],
    "padding": [("Pad", ["conv", "pads"], "x")],
}


@pytest.mark.parametrize("how", BETWEEN)
def test_what_changes_values_in_place_is_passed_over(tmp_path, how):
    weights = {
        "w": normal(4, 3, 3, 3), "w2": normal(2, 4, 3, 3), "bias": normal(4, 1, 1), "step": np.float32(0.1),
        "zero": np.uint8(100), "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    }  # fmt: skip
    model = opened(file(tmp_path, [conv(), *BETWEEN[how], conv("w2", "x", "conv2")], weights, "conv2"))
    assert model.kernel("conv2").source == "conv"
    assert model.kernel("x").layer == "conv"


@pytest.mark.parametrize("how", ["input", "attribute"])
def test_zeros_around_the_image_count_as_the_convolution_s_own(tmp_path, how):
    pads = [0, 0, 1, 2, 0, 0, 3, 0]
    pad = ("Pad", ["image", "pads"], "x") if how == "input" else ("Pad", ["image"], "x", {"pads": pads})
    path = file(
        tmp_path,
        [pad, conv(image="x", pads=[1, 0, 0, 0])],
        {"w": normal(4, 3, 3, 3), "pads": np.array(pads)},
        "conv",
        opset=17 if how == "input" else 10,
    )
    model = opened(path)
    assert model.kernel("conv").pads == (2, 2, 3, 0)
    agrees(model, "conv", pixels())


def test_a_sum_and_a_join_are_layers_of_their_own(tmp_path):
    nodes = [
        conv(),
        conv("v", out="other"),
        ("Add", ["conv", "other"], "sum"),
        ("Concat", ["sum", "other"], "join", {"axis": 1}),
        ("Relu", ["join"], "relu"),
        conv("w2", "relu", "conv2"),
    ]
    weights = {"w": normal(4, 3, 3, 3), "v": normal(4, 3, 3, 3, seed=1), "w2": normal(2, 8, 3, 3)}
    model = opened(file(tmp_path, nodes, weights, "conv2"))
    assert model.kernel("conv2").source == "join"
    with pytest.raises(NotSupported, match="'sum' \\(Add\\) are not, one to one"):
        model.kernel("sum")


def test_channels_that_are_split_into_positions_have_no_source(tmp_path):
    """Flatten of 10x10 positions: the dense layer's inputs are no channels."""
    nodes = [conv(), ("Flatten", ["conv"], "flat"), ("MatMul", ["flat", "m"], "product")]
    model = opened(file(tmp_path, nodes, {"w": normal(4, 3, 3, 3), "m": normal(400, 2)}, "product"))
    assert model.kernel("product").source == ""


def test_tokens_keep_the_channels_of_the_embedding(tmp_path):
    nodes = [
        ("Conv", ["image", "w"], "conv", {"kernel_shape": [4, 4], "strides": [4, 4]}),
        ("Reshape", ["conv", "shape"], "flat"),
        ("Transpose", ["flat"], "tokens", {"perm": [0, 2, 1]}),
        ("Add", ["tokens", "positions"], "placed"),
        ("MatMul", ["placed", "m"], "product"),
    ]
    weights = {"w": normal(5, 3, 4, 4), "shape": np.array([1, 5, 9]), "positions": normal(1, 9, 5), "m": normal(5, 2)}
    model = opened(file(tmp_path, nodes, weights, "product"))
    assert model.kernel("placed").layer == "conv" and model.kernel("product").source == "conv"


def test_the_normalization_that_follows_is_a_scale_and_a_shift(tmp_path):
    nodes = [
        conv(),
        ("BatchNormalization", ["conv", "gamma", "beta", "mean", "var"], "bn", {"epsilon": 0.01}),
        ("Relu", ["bn"], "relu"),
    ]
    weights = {"w": normal(4, 3, 3, 3), **{name: normal(4, seed=k) for k, name in enumerate(("gamma", "beta", "mean"))}}
    weights["var"] = np.array([0.5, 1, 2, 3], np.float32)
    model = opened(file(tmp_path, nodes, weights, "relu"))
    kernel, found = model.kernel("relu"), model.run(pixels(), ["conv", "bn"])
    scale, shift = kernel.norm
    expected = found["conv"] * scale[:, None, None] + shift[:, None, None]
    np.testing.assert_allclose(expected, found["bn"], atol=1e-5)


def test_a_normalization_behind_an_activation_is_not_that_of_the_layer(tmp_path):
    names = ["relu", "one", "one", "one", "one"]
    nodes = [conv(), ("Relu", ["conv"], "relu"), ("BatchNormalization", names, "bn")]
    model = opened(file(tmp_path, nodes, {"w": normal(4, 3, 3, 3), "one": np.ones(4, np.float32)}, "bn"))
    assert model.kernel("bn").layer == "conv" and model.kernel("bn").norm is None


def test_weights_that_follow_from_the_image_are_no_kernel(tmp_path):
    nodes = [
        ("ReduceMean", ["image", "axes"], "colour", {"keepdims": 1}),
        ("Reshape", ["colour", "shape"], "w"),
        ("Conv", ["image", "w"], "conv", {"kernel_shape": [1, 1]}),
    ]
    weights = {"axes": np.array([2, 3]), "shape": np.array([1, 3, 1, 1])}
    model = opened(file(tmp_path, nodes, weights, "conv", opset=18))
    assert model.kernels() == ()


def test_layers_can_be_named_by_alias_and_unknown_ones_are_named(tmp_path):
    model = opened(file(tmp_path, [conv()], {"w": normal(4, 3, 3, 3)}, "conv"))
    assert model.kernel("Conv_0").layer == "conv"
    with pytest.raises(UnknownName, match="no layer is called 'konv'"):
        model.kernel("konv")


def test_new_weights_and_another_size_have_kernels_of_their_own(tmp_path):
    path = file(tmp_path, [conv(), ("Relu", ["conv"], "relu")], {"w": normal(4, 3, 3, 3)}, "relu")
    model = opened(path)
    before = model.kernel("conv").weights
    assert not np.allclose(model.randomized(0).kernel("conv").weights, before)
    np.testing.assert_array_equal(model.at_size((20, 20), ["relu"]).kernel("conv").weights, before)
