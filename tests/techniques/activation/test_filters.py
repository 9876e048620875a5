"""`viz filters`: the right colours, proven on the model itself; dead filters, twins; every kind of layer."""

import numpy as np
import pytest
import torch
from onnx import TensorProto
from torch import nn

from tests.adapters.onnx_graph.kernel_files import file, opened
from tests.techniques.activation.filter_models import CAFFE, conv, drawn, model, normal
from tests.techniques.synthesis.making import made
from viz.core.errors import NotSupported, UnknownName, UsageError
from viz.core.kernel import Kernel
from viz.techniques.activation._filter_proof import proof
from viz.techniques.activation._filter_set import filter_set
from viz.techniques.activation.filters import Filters

RED, GREEN, BLUE = range(3)


def red_left_green_right(channels=(RED, GREEN, BLUE)):
    """One filter of 2x2 that likes red on the left and green on the right, of a model with these channels."""
    weights = np.zeros((1, 3, 2, 2))
    weights[0, channels.index(RED), :, 0] = 1
    weights[0, channels.index(GREEN), :, 1] = 1
    return weights


def tile(picture, side):
    """The first tile of a sheet, (side, side, 3)."""
    return picture.pixels[4 : 4 + side, 4 : 4 + side]


def test_a_red_and_green_edge_is_drawn_red_and_green():
    picture = drawn(model(conv(red_left_green_right())), tile=8)
    np.testing.assert_array_equal(tile(picture, 8)[0, 0], [255, 128, 128])
    np.testing.assert_array_equal(tile(picture, 8)[0, 7], [128, 255, 128])
    np.testing.assert_allclose(picture.arrays["filters"][0, RED], [[0.5, 0], [0.5, 0]])


def test_the_order_of_channels_and_their_scales_are_undone():
    """Channels are blue, green, red; red is divided by 70, green by 60, which makes red the weaker."""
    weights = red_left_green_right((BLUE, GREEN, RED))
    picture = drawn(model(conv(weights), **CAFFE), tile=8)
    expected = np.zeros((3, 2, 2))
    expected[RED, :, 0], expected[GREEN, :, 1] = 255 / 70, 255 / 60
    norm = np.sqrt((expected**2).sum())
    np.testing.assert_allclose(picture.arrays["filters"][0], expected / norm, atol=1e-6)
    np.testing.assert_allclose(picture.arrays["norms"], [norm], rtol=1e-6)
    np.testing.assert_array_equal(picture.arrays["weights"], weights)
    red, green = tile(picture, 8)[0, 0].astype(int), tile(picture, 8)[0, 7]
    assert red[RED] > 230 and (red[1:] == 128).all() and green[GREEN] == 255


def test_an_onnx_file_that_takes_bgr_0_to_255_has_its_colours_back(tmp_path):
    node = ("Conv", ["image", "w"], "conv", {"kernel_shape": [2, 2]})
    path = file(tmp_path, [node], {"w": red_left_green_right((BLUE, GREEN, RED)).astype(np.float32)}, "conv")
    picture = drawn(opened(path, channels="bgr", range="0,255", mean="104,117,123"), tile=8)
    np.testing.assert_array_equal(tile(picture, 8)[0, 0], [255, 128, 128])
    np.testing.assert_array_equal(tile(picture, 8)[0, 7], [128, 255, 128])
    assert picture.numbers["proof_deviation"] < 1e-4


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 3, "padding": 1},
        {"dilation": 2},
        {"stride": 2, "padding": (0, 2)},
        {"padding": 2, "padding_mode": "reflect"},
    ],
    ids=str,
)
def test_the_layer_s_answer_to_a_filter_is_its_norm(options):
    picture = drawn(model(conv(normal(40, 3, 3, 3), **options), **CAFFE))
    np.testing.assert_allclose(picture.arrays["measured"], picture.arrays["norms"], rtol=1e-4)
    assert picture.numbers["proof_deviation"] < 1e-4 and picture.warnings == ()


@pytest.mark.parametrize("wrong", ["order", "scale", "flipped", "dilated"])
def test_a_wrong_picture_does_not_pass_for_the_right_one(wrong):
    """The proof is worth something: other colours, another scale, another place, and the answer is not the norm."""
    net = model(conv(normal(8, 3, 3, 3)), **CAFFE)
    right = net.kernel("layers.0")
    mixed = right.image_weights
    changed = {
        "order": {"image_weights": mixed[::-1].copy()},
        "scale": {"image_weights": mixed * np.float32(1.001)},
        "flipped": {"weights": right.weights[:, :, ::-1].copy()},
        "dilated": {"dilations": (2, 2)},
    }
    lying = Kernel(**{**vars(right), **changed[wrong]})
    assert proof(net, filter_set(right, False)).holds
    assert not proof(net, filter_set(lying, False)).holds


def test_no_input_of_the_same_length_excites_a_unit_more():
    net = model(conv(normal(4, 3, 5, 5)), **CAFFE)
    picture = drawn(net)
    gray = np.full((1, 3, 24, 24), 0.5, np.float32)
    (zero,) = net.run(gray, ["layers.0"])["layers.0"][:, :, 4, 4]
    for noise in normal(20, 3, 5, 5):
        image = gray.copy()
        image[0, :, 4:9, 4:9] += 0.1 * noise / np.linalg.norm(noise)
        (answer,) = net.run(image, ["layers.0"])["layers.0"][:, :, 4, 4]
        assert ((answer - zero) / 0.1 < picture.arrays["norms"]).all()


def test_folded_filters_are_those_of_convolution_and_normalization_together():
    norm = nn.BatchNorm2d(6)
    for part, values in {"weight": normal(6), "bias": normal(6, seed=1), "running_mean": normal(6, seed=2)}.items():
        getattr(norm, part).data.copy_(torch.from_numpy(values))
    net = model(conv(normal(6, 3, 3, 3)), norm)
    picture = drawn(net, fold_norm=True)
    image = np.random.default_rng(0).random((1, 3, 24, 24), np.float32)
    weights, bias = (torch.from_numpy(picture.arrays[name]) for name in ("weights", "bias"))
    ours = torch.nn.functional.conv2d(torch.from_numpy(image), weights, bias)
    np.testing.assert_allclose(ours.numpy(), net.run(image, ["layers.1"])["layers.1"], atol=1e-5)
    np.testing.assert_allclose(picture.arrays["measured"], picture.arrays["norms"], rtol=1e-4)
    assert not np.allclose(picture.arrays["norms"], drawn(net).arrays["norms"])


def test_where_no_normalization_follows_it_is_said():
    (warning,) = drawn(model(conv(normal(6, 3, 3, 3))), fold_norm=True).warnings
    assert "nothing was folded in" in warning


def test_dead_filters_twins_and_negatives_are_found():
    weights = normal(9, 3, 3, 3)
    weights[2], weights[5], weights[7], weights[8] = 0, 3 * weights[1], -0.5 * weights[4], 1e-5 * weights[0]
    picture = drawn(model(conv(weights)))
    assert picture.arrays["dead"].tolist() == [2, 8]
    assert picture.arrays["twins"].tolist() == [[1, 5]]
    assert picture.arrays["negatives"].tolist() == [[4, 7]]
    assert [picture.numbers[name] for name in ("dead", "duplicates", "negatives")] == [2, 1, 1]
    said = " ".join(picture.warnings)
    assert ": 2, 8" in said and "1 = 5" in said and "4 = -7" in said
    assert np.isnan(picture.arrays["measured"][[2, 8]]).all() and picture.numbers["proof_deviation"] < 1e-4


def test_channels_of_a_depthwise_layer_are_no_twins_of_each_other():
    """The same weights on another input are another filter."""
    weights = np.broadcast_to(normal(1, 1, 3, 3), (4, 1, 3, 3))
    net = model(conv(normal(4, 3, 3, 3)), nn.ReLU(), conv(weights, groups=4))
    picture = drawn(net, layer=("layers.2",))
    assert picture.numbers["duplicates"] == 0 and picture.numbers["groups"] == 4
    assert picture.numbers["proof_deviation"] < 1e-4 and picture.warnings == ()


def test_depthwise_filters_on_the_image_see_one_colour_each():
    picture = drawn(model(conv(np.ones((3, 1, 2, 2)), groups=3)))
    for colour, one in enumerate(picture.arrays["filters"]):
        np.testing.assert_allclose(one[colour], 0.5)
        assert np.count_nonzero(one) == 4
    assert picture.numbers["proof_deviation"] < 1e-4


@pytest.mark.parametrize("kind", ["grouped", "one by one", "many inputs", "dense"])
def test_deeper_layers_are_checked_too_and_say_what_shows_more(kind):
    first = conv(normal(20, 3, 3, 3))
    last = {
        "grouped": conv(normal(8, 5, 3, 3), groups=4, padding=1),
        "one by one": conv(normal(8, 20, 1, 1)),
        "many inputs": conv(normal(8, 20, 3, 3)),
        "dense": nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(20, 8)),
    }[kind]
    name = "layers.2.2" if kind == "dense" else "layers.2"
    picture = drawn(model(first, nn.ReLU(), last, **CAFFE), layer=(name,))
    np.testing.assert_allclose(picture.arrays["measured"], picture.arrays["norms"], rtol=1e-4)
    (warning,) = picture.warnings
    assert f"`viz maximize --model net.pt --layer {name} --channel 0-7`" in warning
    assert f"`viz patches --model net.pt --layer {name} DIR`" in warning
    assert picture.pixels.shape[0] > 100 and picture.arrays["weights"].shape[0] == 8


def test_a_transposed_convolution_is_drawn_and_not_checked():
    net = model(conv(normal(4, 3, 3, 3)), nn.ConvTranspose2d(4, 5, 4, 2))
    picture = drawn(net, layer=("layers.1",))
    assert picture.arrays["weights"].shape == (5, 4, 4, 4) and "proof_deviation" not in picture.numbers
    assert "Not checked on the model: it spreads its inputs" in picture.warnings[-1]


def test_one_by_one_filters_on_the_image_are_one_colour_each():
    picture = drawn(model(conv(np.eye(3)[:, :, None, None])), tile=4)
    np.testing.assert_array_equal(tile(picture, 4)[0, 0], [255, 128, 128])
    assert picture.numbers["proof_deviation"] < 1e-4


def test_a_patch_embedding_is_a_sum_of_few_components():
    """Sixteen filters made of two patterns: two components, which have all of the variance."""
    patterns = normal(2, 3, 8, 8)
    weights = np.einsum("nk,kcyx->ncyx", normal(16, 2, seed=3), patterns)
    picture = drawn(model(conv(weights, stride=8)))
    parts, shares = picture.arrays["components"], picture.arrays["explained"]
    assert parts.shape == (2, 3, 8, 8) and shares.sum() == pytest.approx(1, abs=1e-5) and shares[0] >= shares[1]
    flat = parts.reshape(2, -1).astype(np.float64)
    np.testing.assert_allclose(flat @ flat.T, np.eye(2), atol=1e-5)
    centred = weights.reshape(16, -1) - weights.reshape(16, -1).mean(0)
    np.testing.assert_allclose(centred @ flat.T @ flat, centred, atol=1e-4)
    assert picture.panels["components"].ndim == 3 and picture.numbers["proof_deviation"] < 1e-4


def test_components_are_shown_where_they_are_asked_for_and_not_of_small_filters():
    net = model(conv(normal(6, 3, 3, 3)))
    assert "components" not in drawn(net).arrays
    assert drawn(net, components=2).arrays["components"].shape == (2, 3, 3, 3)


def test_a_model_that_sees_gray_is_drawn_in_gray(tmp_path):
    edge = np.array([[[[1.0, -1.0]]]], np.float32)
    path = file(
        tmp_path, [("Conv", ["image", "w"], "conv", {"kernel_shape": [1, 2]})], {"w": edge}, "conv",
        image=("image", [1, 1, 12, 12]),
    )  # fmt: skip
    picture = drawn(opened(path, channels="gray"), tile=8)
    np.testing.assert_array_equal(picture.pixels[4, [4, 11]], [[255] * 3, [0] * 3])
    assert picture.numbers["proof_deviation"] < 1e-4


@pytest.mark.parametrize("elem_type,range_", [(TensorProto.UINT8, "raw"), (TensorProto.FLOAT16, "unit")])
def test_rounding_of_the_input_does_not_hide_the_answer(tmp_path, elem_type, range_):
    nodes = [
        ("Cast", ["image"], "floats", {"to": TensorProto.FLOAT}),
        ("Conv", ["floats", "w"], "conv", {"kernel_shape": [3, 3]}),
    ]
    path = file(tmp_path, nodes, {"w": normal(4, 3, 3, 3)}, "conv", ("image", [1, 3, 12, 12]), elem_type)
    assert drawn(opened(path, preprocess=range_)).numbers["proof_deviation"] < 1e-4


def test_one_scale_for_all_or_each_its_own():
    weights = np.zeros((2, 3, 1, 2))
    weights[0, :, 0, 0], weights[1] = 1, 1
    net = model(conv(weights))
    shared, each = drawn(net, tile=8), drawn(net, tile=8, normalize="each")
    second = 4 + 8 + 4  # the second tile's left edge
    assert each.pixels[5, second, 0] == 255 > shared.pixels[5, second, 0] > 128
    assert (tile(each, 8)[:4] == tile(shared, 8)[:4]).all()


def test_filters_are_sorted_by_norm_or_by_hue():
    weights = np.zeros((4, 3, 1, 1))
    weights[0, BLUE], weights[1, RED], weights[2, GREEN], weights[3] = 1, 2, 3, 4
    net = model(conv(weights))
    assert drawn(net, sort="norm").arrays["order"].tolist() == [3, 2, 1, 0]
    assert drawn(net, sort="hue").arrays["order"].tolist()[:2] == [3, 1]
    assert drawn(net).arrays["order"].tolist() == [0, 1, 2, 3]


def test_the_hue_of_a_filter_and_of_its_negative_are_the_same():
    weights = normal(6, 3, 3, 3)
    a, b = (drawn(model(conv(one)), sort="hue").arrays["order"] for one in (weights, -weights))
    np.testing.assert_array_equal(a, b)


def test_hue_is_for_colours():
    net = model(conv(normal(4, 3, 3, 3)), conv(normal(4, 4, 3, 3)))
    with pytest.raises(UsageError, match=r"inputs of 'layers\.1' are no colours"):
        drawn(net, layer=("layers.1",), sort="hue")


def test_layers_are_named_by_pattern_or_by_what_follows_them():
    net = model(conv(normal(4, 3, 3, 3)), nn.ReLU(), conv(normal(4, 4, 3, 3)))
    assert list(made(Filters(layer=("layers.*",)), net)) == ["layers.0", "layers.2"]
    assert list(made(Filters(layer=("layers.1", "layers.0")), net)) == ["layers.0"]
    assert list(made(Filters(), net)) == ["layers.0"]
    with pytest.raises(UnknownName):
        drawn(net, layer=("conv*",))


def test_a_model_without_weights_says_so():
    with pytest.raises(NotSupported, match="shows no convolution"):
        drawn(model(nn.ReLU()))
    with pytest.raises(NotSupported, match="no layer of net weighs the image itself"):
        drawn(model(nn.Sigmoid(), conv(normal(4, 3, 3, 3))))


def test_the_same_call_gives_the_same_bytes():
    net = model(conv(normal(12, 3, 8, 8)), **CAFFE)
    assert drawn(net).pixels.tobytes() == drawn(net).pixels.tobytes()


def test_the_file_is_the_image_to_the_last_bit():
    picture = drawn(model(conv(normal(4, 3, 3, 3))))
    np.testing.assert_array_equal(np.rint(picture.image.transpose(1, 2, 0) * 255), picture.pixels)
