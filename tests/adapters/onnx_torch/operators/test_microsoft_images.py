"""Crops, sampling and layouts of onnxruntime's own domain."""

import numpy as np
import pytest

from tests.adapters.onnx_torch.single_node import check_against, check_gradient, check_vmap, onnxruntime, run_node
from viz.adapters.onnx_torch.operator_table import MICROSOFT

random = np.random.default_rng(0)


def values(*shape):
    return random.standard_normal(shape).astype(np.float32)


IMAGES = values(2, 3, 7, 9)
BOXES = np.float32([[0.1, 0.2, 0.8, 0.9], [-0.2, 0.3, 0.5, 1.3], [0.7, 0.8, 0.2, 0.1]])
OF_IMAGE = np.int32([0, 1, 1])


def check(name, inputs, **attributes):
    check_against(onnxruntime, name, inputs, 1, MICROSOFT, rtol=1e-4, atol=1e-5, **attributes)


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("size", [(5, 4), (1, 3), (2, 1)], ids=str)
def test_crops_agree_with_onnxruntime(mode, size):
    inputs = [IMAGES, BOXES, OF_IMAGE, np.int32(size)]
    check("CropAndResize", inputs, mode=mode, extrapolation_value=0.5)


def test_the_whole_image_at_its_own_size_is_itself():
    found = run_node(
        "CropAndResize", [IMAGES[:1], np.float32([[0, 0, 1, 1]]), np.int32([0]), np.int32([7, 9])], 1, MICROSOFT
    )
    np.testing.assert_allclose(found, IMAGES[:1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("corners", [0, 1])
def test_sampling_agrees_with_onnxruntime(mode, padding, corners):
    check("GridSample", [IMAGES, values(2, 5, 6, 2)], mode=mode, padding_mode=padding, align_corners=corners)


def test_pooling_with_channels_last_agrees_with_onnxruntime():
    images = random.integers(0, 255, (2, 7, 9, 3)).astype(np.uint8)
    check("NhwcMaxPool", [images], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])


def test_matrices_and_shapes_agree_with_onnxruntime():
    square = values(3, 4, 4) + 4 * np.eye(4, dtype=np.float32)
    check("Inverse", [square])
    check("Trilu", [values(2, 4, 5)], upper=0)
    check("Trilu", [values(2, 4, 5), np.int64(1)])
    check("ExpandDims", [values(2, 3), np.int32(-1)])
    check("Pad", [values(2, 3), np.int64([0, 1, 1, 0]), np.float32(0.5)])
    check("GatherND", [values(2, 3), np.int64([[0, 1], [1, 2]])])


def test_gradients_agree_with_central_differences():
    inside = np.float32([[0.1, 0.23, 0.8, 0.9], [0.3, 0.7, 0.6, 0.22]])  # no place on a cell: there are kinks
    inputs = [values(1, 2, 5, 6), inside, np.int32([0, 0]), np.int32([3, 2])]
    check_gradient("CropAndResize", inputs, 1, MICROSOFT)
    check_gradient("Inverse", [values(2, 3, 3) + 4 * np.eye(3, dtype=np.float32)], 1, MICROSOFT)


def test_a_vmapped_batch_equals_the_loop():
    check_vmap("CropAndResize", [IMAGES, BOXES, OF_IMAGE, np.int32([3, 2])], 1, MICROSOFT)
    check_vmap("NhwcMaxPool", [IMAGES], 1, MICROSOFT, kernel_shape=[2, 2])
