"""Receptive fields with known answers: published networks, then one rule at a time."""

import numpy as np
import pytest

from tests.adapters.chains import Chain, conv, everything, field_after, plain, pool, windows
from viz.adapters.onnx_graph.receptive_field import receptive_fields, seen_spans
from viz.core.adapter import ReceptiveField


def test_the_image_sees_itself():
    assert Chain(conv(3)).fields()["image"] == windows(1, 1, 0)


def test_alexnet_sees_195_pixels_every_32():
    tail = [conv(3, 1, 1), conv(3, 1, 1), conv(3, 1, 1), pool(3, 2)]
    layers = [conv(11, 4), pool(3, 2), conv(5, 1, 2), pool(3, 2), *tail]
    assert field_after(*layers, shape=(1, 1, 227, 227)) == windows(195, 32, -64)


def test_vgg16_sees_212_pixels_every_32():
    blocks = [[conv(3, 1, 1)] * n + [pool(2, 2)] for n in (2, 2, 3, 3, 3)]
    assert field_after(*(node for block in blocks for node in block), shape=(1, 1, 224, 224)) == windows(212, 32, -90)


def test_the_stem_of_resnet_sees_11_pixels_every_4():
    assert field_after(conv(7, 2, 3), pool(3, 2, 1), shape=(1, 1, 224, 224)) == windows(11, 4, -5)


def test_dilation_spreads_the_taps():
    assert field_after(conv(3, 1, 4, dilation=4)) == windows(9, 1, -4)


@pytest.mark.parametrize(("mode", "offset"), [("SAME_UPPER", 0), ("SAME_LOWER", -1), ("VALID", 0)])
def test_same_padding_puts_an_odd_pixel_on_the_named_side(mode, offset):
    attributes = {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": mode}
    assert field_after(plain("MaxPool", **attributes)) == windows(3, 2, offset)


def test_same_padding_is_never_negative():
    every_third = ("Conv", [np.ones((1, 1, 1, 1), np.float32)], {"strides": [3, 3], "auto_pad": "SAME_UPPER"})
    assert field_after(every_third, shape=(1, 1, 63, 63)) == windows(1, 3, 0)


def test_rounding_up_the_number_of_positions_moves_none():
    assert field_after(pool(3, 2, ceil_mode=1), shape=(1, 1, 10, 10)) == windows(3, 2, 0)


def test_a_residual_sum_sees_the_union_of_its_branches():
    assert field_after(conv(3, 1, 1), conv(5, 1, 2), plain("Add", "t0")) == windows(7, 1, -3)


def test_an_operand_added_to_itself_sees_what_it_sees():
    assert field_after(conv(3, 1, 1), plain("Mul", "t0")) == windows(3, 1, -1)


def test_global_pooling_sees_everything():
    assert field_after(conv(3, 2, 1), plain("GlobalAveragePool"), shape=(1, 1, 32, 48)) == everything(32, 48)


def test_global_pooling_of_a_crop_sees_the_crop():
    crop = plain("Slice", [8], [24], [2])
    assert field_after(crop, plain("GlobalMaxPool")) == ReceptiveField((16, 64), (0, 0), (8, 0))


def test_a_gate_from_global_pooling_makes_the_product_see_everything():
    wider_than_the_image = conv(7, 1, 36, dilation=12)
    for layer in (conv(3, 1, 1), wider_than_the_image):
        assert field_after(layer, plain("GlobalAveragePool"), plain("Mul", "t0")) == everything(64, 64)


def test_a_row_added_to_every_row_is_seen_from_every_row():
    field = field_after(conv(3, 1, 1), plain("Slice", [8], [9], [2]), plain("Add", "t0"))
    assert (field.stride, field.size, field.everywhere) == ((0, 1), (64, 3), False)


def test_pooling_over_rows_leaves_the_columns_their_windows():
    field = field_after(conv(3, 2, 1), plain("ReduceMean", axes=[2], keepdims=0), opset=17)
    assert field == ReceptiveField((64, 3), (0, 2), (0, -1))


def test_a_classifier_sees_everything():
    weights = np.ones((16, 5), np.float32)
    assert field_after(pool(16, 16), plain("Flatten"), plain("Gemm", weights)) == everything(64, 64)


def test_images_with_channels_last_are_followed_through_the_transpose():
    nodes = plain("Transpose", perm=[0, 3, 1, 2]), ("Conv", [np.ones((4, 3, 5, 3), np.float32)], {"strides": [2, 1]})
    chain = Chain(*nodes, plain("Transpose", perm=[0, 2, 3, 1]), shape=(1, 20, 30, 3), layout="nhwc")
    assert chain.fields()["t2"] == ReceptiveField((5, 3), (2, 1), (0, 0))
    assert [span.axis for span in seen_spans(*chain.arguments())["t2"]] == [1, 2]


def test_a_layer_normalization_over_channels_keeps_windows_and_one_over_space_does_not():
    ones, last = np.ones(3, np.float32), plain("Transpose", perm=[0, 2, 3, 1])
    shape = (1, 3, 8, 8)
    assert field_after(last, plain("LayerNormalization", ones, axis=-1), shape=shape) == windows(1, 1, 0)
    assert field_after(plain("InstanceNormalization", ones, ones), shape=shape) == everything(8, 8)


def test_a_channel_shuffle_keeps_windows_even_through_one_axis_for_rows_and_columns():
    nodes = [
        conv(3, 1, 1, out=4),
        plain("Reshape", [2, 2, 64 * 64]),
        plain("Transpose", perm=[1, 0, 2]),
        plain("Reshape", [2, -1, 2, 64, 64]),
    ]
    fields = Chain(*nodes).fields()
    assert fields["t1"] == fields["t2"] == everything(64, 64)  # no stride describes their positions
    assert fields["t3"] == windows(3, 1, -1)


def test_tokens_keep_windows_until_they_are_mixed():
    patches = conv(16, 16, out=8), plain("Reshape", [1, 8, 16]), plain("Transpose", perm=[0, 2, 1])
    back = plain("Transpose", perm=[0, 2, 1]), plain("Reshape", [1, 8, 4, 4])
    per_token = plain("MatMul", np.ones((8, 8), np.float32))
    assert field_after(*patches, per_token, *back) == windows(16, 16, 0)
    neighbours = ("Conv", [np.ones((8, 8, 3), np.float32)], {"pads": [1, 1]})
    assert field_after(*patches[:2], neighbours, plain("Reshape", [1, 8, 4, 4])) == everything(64, 64)
    attention = plain("Transpose", perm=[0, 2, 1]), plain("MatMul", np.ones((16, 16), np.float32))
    assert field_after(*patches, *attention, plain("Reshape", [1, 8, 4, 4])) == everything(64, 64)


def test_a_pixel_shuffle_shows_each_pixel_twice():
    field = field_after(conv(1, out=4), plain("DepthToSpace", blocksize=2))
    assert (field.stride, field.size) == ((0.5, 0.5), (2, 2))
    assert pixels_seen(field, 64) == [[i // 2] for i in range(64)]


def test_doubling_by_transposed_convolution_reads_one_pixel_per_position():
    doubling = ("ConvTranspose", [np.ones((1, 1, 2, 2), np.float32)], {"strides": [2, 2]})
    assert pixels_seen(field_after(doubling), 64) == [[i // 2] for i in range(64)]


def test_doubling_by_nearest_neighbour_reads_one_pixel_per_position():
    doubling = plain(
        "Resize", "", np.float32([1, 1, 2, 2]), mode="nearest", coordinate_transformation_mode="asymmetric"
    )
    assert pixels_seen(field_after(doubling), 64) == [[i // 2] for i in range(64)]


def pixels_seen(field: ReceptiveField, positions: int) -> list[list[int]]:
    """Pixels of a row of 64 that each position sees."""
    starts = [field.offset[0] + i * field.stride[0] for i in range(positions)]
    return [[p for p in range(64) if s <= p <= s + field.size[0] - 1] for s in starts]


def test_a_resize_by_old_opsets_is_read_from_its_scales():
    scales = np.float32([1, 1, 2, 2])
    assert field_after(plain("Upsample", scales, mode="nearest"), opset=9).stride == (0.5, 0.5)
    assert field_after(plain("Resize", scales, mode="nearest"), opset=10).stride == (0.5, 0.5)


def test_a_smoothing_resize_reads_all_that_it_smooths():
    quarter = np.float32([1, 1, 0.25, 0.25])
    smooth = field_after(plain("Resize", "", quarter, mode="linear", antialias=1), opset=18)
    assert smooth.stride == (4, 4)
    assert 8 <= smooth.size[0] <= 12
    assert field_after(plain("Resize", "", quarter, mode="linear"), opset=18) == windows(2, 4, 1)


def test_slices_count_in_steps_and_backwards():
    assert field_after(plain("Slice", [1], [99], [2], [3])).stride == (3, 1)
    assert field_after(plain("Slice", [-1], [-99], [3], [-1])) == ReceptiveField((1, 1), (1, -1), (0, 63))


def test_old_opsets_keep_settings_as_attributes():
    assert field_after(plain("Slice", starts=[4], ends=[64], axes=[2]), opset=9).offset == (4, 0)
    assert field_after(plain("Pad", pads=[0, 0, 2, 1, 0, 0, 0, 0]), opset=10).offset == (-2, -1)


def test_reflected_borders_widen_the_window_and_zeros_do_not():
    pads = [0, 0, 2, 2, 0, 0, 2, 2]
    assert field_after(plain("Pad", pads, "")) == windows(1, 1, -2)
    assert field_after(plain("Pad", pads, "", mode="reflect")) == windows(9, 1, -6)


@pytest.mark.parametrize(("opset", "channels_only"), [(13, True), (12, False), (None, False)])
def test_a_softmax_over_channels_mixed_everything_before_opset_13(opset, channels_only):
    chain = Chain(conv(3, 1, 1), plain("Softmax", axis=1))
    graph, shapes, constants, image, layout, _ = chain.arguments()
    expected = windows(3, 1, -1) if channels_only else everything(64, 64)
    assert receptive_fields(graph, shapes, constants, image, layout, opset)["t1"] == expected


def test_a_quantized_convolution_may_keep_channels_last():
    scale, zero, kernel = np.float32(1), np.uint8(0), np.ones((4, 3, 3, 3), np.uint8)
    inputs = [scale, zero, kernel, scale, zero, scale, zero]
    geometry = {"kernel_shape": [3, 3], "strides": [2, 1], "channels_last": 1, "microsoft": True}
    node = ("QLinearConv", inputs, geometry)
    assert field_after(node, shape=(1, 8, 9, 3), layout="nhwc") == ReceptiveField((3, 3), (2, 1), (0, 0))


def test_a_fused_convolution_adds_its_fourth_input():
    kernel = np.ones((1, 1, 1, 1), np.float32)
    fused = ("FusedConv", [kernel, "", "t0"], {"kernel_shape": [1, 1], "microsoft": True})
    nodes = conv(5, 1, 2), plain("Identity"), fused
    assert field_after(*nodes, shapes={"t2": (1, 1, 64, 64)}) == windows(5, 1, -2)
