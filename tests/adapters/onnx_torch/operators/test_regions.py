"""RoiAlign, MaxRoiPool and MaxUnpool: known answers, other implementations, slopes, batches by vmap."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.onnx_torch.operator_cases import Case, check_batches, check_slopes, check_values, ints, normal
from tests.adapters.onnx_torch.single_node import check_against, onnxruntime, reference, run_node

X = normal(2, 2, 5, 6)
ROIS = np.float32([[0.31, 0.42, 3.17, 4.29], [1.23, 0.71, 5.93, 3.37], [-2.26, 1.13, 2.69, 4.87]])
IMAGES = ints(1, 0, 1)
SMALL = {"output_height": 2, "output_width": 3}

CASES = [
    Case("RoiAlign", [X, ROIS, IMAGES], (10,), {**SMALL, "sampling_ratio": 2}),
    Case("RoiAlign", [X, ROIS, IMAGES], (10, 16, 22), {**SMALL, "spatial_scale": 0.7}, mapped=None),
    Case("RoiAlign", [X, ROIS, IMAGES], (16, 22), {**SMALL, "sampling_ratio": 2}, mapped=(0, 1)),
    Case(
        "RoiAlign",
        [X, ROIS, IMAGES],
        (16, 22),
        {**SMALL, "sampling_ratio": 1, "coordinate_transformation_mode": "output_half_pixel"},
    ),
    Case("RoiAlign", [X, ROIS, IMAGES], (16, 22), {**SMALL, "mode": "max", "sampling_ratio": 2}),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_are_those_of_other_implementations(case):
    check_values(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_are_central_differences(case):
    check_slopes(case)


@pytest.mark.parametrize("case", [case for case in CASES if case.mapped], ids=str)
def test_a_batch_by_vmap_is_the_loop(case):
    check_batches(case)


def test_a_box_of_an_even_slope_takes_its_middle():
    slope = np.arange(8, dtype=np.float32).reshape(1, 1, 1, 8).repeat(8, axis=2)
    box = np.float32([[2, 2, 6, 6]])
    assert run_node("RoiAlign", [slope, box, ints(0)], 10, sampling_ratio=2).item() == 4
    assert run_node("RoiAlign", [slope, box, ints(0)], 16, sampling_ratio=2).item() == 3.5


def test_no_boxes_give_nothing():
    assert run_node("RoiAlign", [X, ROIS[:0], IMAGES[:0]], 16, **SMALL).shape == (0, 2, 2, 3)
    assert run_node("MaxRoiPool", [X, np.zeros((0, 5), np.float32)], 7, pooled_shape=[2, 3]).shape == (0, 2, 2, 3)


def test_equal_boxes_among_others_stay_in_place():
    boxes = ROIS[[0, 1, 0, 2, 1]]
    found = run_node("RoiAlign", [X, boxes, ints(1, 0, 1, 1, 0)], 16, **SMALL)
    check_against(found.numpy()[[0, 1, 3]], "RoiAlign", [X, ROIS, IMAGES], 16, **SMALL)
    assert torch.equal(found[0], found[2])


@settings(max_examples=50, deadline=None)
@given(
    corner=st.tuples(st.floats(-2, 6, width=32), st.floats(-2, 6, width=32)),
    extent=st.tuples(st.floats(0.25, 9, width=32), st.floats(0.25, 9, width=32)),
    ratio=st.integers(0, 2),
    coordinates=st.sampled_from(["half_pixel", "output_half_pixel"]),
)
def test_every_mean_of_a_box_is_onnxruntimes(corner, extent, ratio, coordinates):
    box = np.float32([[*corner, *np.add(corner, extent)]])
    attributes = {**SMALL, "sampling_ratio": ratio, "coordinate_transformation_mode": coordinates}
    check_against(onnxruntime, "RoiAlign", [X, box, ints(1)], 16, atol=1e-4, rtol=1e-4, **attributes)


@settings(max_examples=50, deadline=None)
@given(
    corner=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    extent=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    scale=st.sampled_from([1.0, 0.5]),
)
def test_every_maximum_of_a_box_is_onnxruntimes(corner, extent, scale):
    box = np.float32([[1, *corner, *np.add(corner, extent)]])
    check_against(onnxruntime, "MaxRoiPool", [X, box], 7, pooled_shape=[2, 3], spatial_scale=scale)


def test_the_maximum_of_a_box_has_a_gradient():
    x = torch.from_numpy(X).requires_grad_()
    run_node("MaxRoiPool", [x, np.float32([[1, 0, 0, 5, 4]])], 7, pooled_shape=[1, 1]).sum().backward()
    assert x.grad[0].count_nonzero() == 0
    assert x.grad[1].sum((1, 2)).tolist() == [1, 1]
    assert (x.grad[1] * x[1]).sum((1, 2)).tolist() == X[1].max((1, 2)).tolist()


def test_unpooling_undoes_pooling_but_for_what_was_not_the_maximum():
    x = normal(2, 3, 4, 6)
    shape = {"kernel_shape": [2, 2], "strides": [2, 2]}
    pooled, indices = run_node("MaxPool", [x], 12, outputs=2, **shape)
    back = run_node("MaxUnpool", [pooled, indices], 11, **shape)
    assert back.shape == x.shape
    assert ((back == 0) | (back == torch.from_numpy(x))).all()
    assert back.count_nonzero() == pooled.numel()
    check_against(onnxruntime, "MaxUnpool", [pooled, indices], 11, **shape)


def test_unpooling_has_gradients_and_goes_by_vmap():
    shape = {"kernel_shape": [2], "strides": [2]}
    case = Case("MaxUnpool", [normal(1, 2, 3), ints(0, 3, 4, 7, 8, 11).reshape(1, 2, 3)], (11,), shape)
    check_values(case)
    check_slopes(case)
    check_batches(case)


def test_a_larger_image_on_request_has_zeros_behind():
    x, indices = np.float32([[[[1, 2], [3, 4]]]]), ints(5, 7, 13, 15).reshape(1, 1, 2, 2)
    shape = {"kernel_shape": [2, 2], "strides": [2, 2]}
    found = run_node("MaxUnpool", [x, indices, ints(1, 1, 5, 5)], 11, **shape)
    assert found[0, 0, 4].tolist() == found[0, 0, :, 4].tolist() == [0] * 5
    check_against(reference, "MaxUnpool", [x, indices, ints(1, 1, 5, 5)], 11, **shape)
