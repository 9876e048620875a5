"""Sampling at computed places: known answers, other implementations, slopes, batches by vmap."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.onnx_torch.operator_cases import (
    Case,
    check_batches,
    check_slopes,
    check_values,
    ints,
    normal,
    uniform,
)
from tests.adapters.onnx_torch.single_node import check_against, onnxruntime, reference, run_node
from viz.adapters.onnx_torch.operator_table import Unsupported

X = normal(1, 2, 4, 3)
GRID = uniform(1, 3, 2, 2, low=-1.2, high=1.2, seed=1)
DEFORM = [normal(1, 4, 4, 3), normal(2, 2, 2, 2, seed=1), 0.3 * normal(1, 16, 3, 2, seed=2), normal(2, seed=3)]
MASK = uniform(1, 8, 3, 2, seed=4)
COLUMNS = normal(1, 8, 6)

CASES = [
    *(
        Case("GridSample", [X, GRID], (16,), {"mode": mode, "padding_mode": padding}, runtime=True)
        for mode in ("bilinear", "nearest", "bicubic")
        for padding in ("zeros", "border", "reflection")
    ),
    Case("GridSample", [X, GRID], (20, 22), {"mode": "cubic", "align_corners": 1}),
    Case("GridSample", [normal(1, 1, 2, 3, 2), uniform(1, 2, 2, 1, 3, low=-1, high=1)], (20, 22)),
    Case("AffineGrid", [normal(2, 2, 3), ints(2, 1, 3, 4)], (20,)),
    Case("AffineGrid", [normal(1, 3, 4), ints(1, 1, 2, 3, 2)], (20,), {"align_corners": 1}),
    Case("DeformConv", DEFORM, (19, 22), {"group": 2, "offset_group": 2}, mapped=(0, 2)),
    Case("DeformConv", [*DEFORM, MASK], (19, 22), {"group": 2, "offset_group": 2}, mapped=(0, 2, 4)),
    Case(
        "DeformConv",
        [X, normal(1, 2, 2, 1), 0.3 * normal(1, 4, 4, 2)],
        (19,),
        {"pads": [1, 0, 0, 1], "strides": [1, 2]},
    ),
    Case("Col2Im", [COLUMNS, ints(3, 4), ints(2, 2)], (18,)),
    Case("Col2Im", [normal(1, 4, 12), ints(5, 5), ints(2, 2)], (18,), {"strides": [1, 2], "pads": [0, 1, 0, 1]}),
    Case(
        "Col2Im", [normal(1, 4, 8), ints(4, 2, 4), ints(2, 1, 2)], (18,), {"dilations": [2, 1, 1], "strides": [1, 1, 2]}
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_are_those_of_other_implementations(case):
    check_values(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_are_central_differences(case):
    check_slopes(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_batch_by_vmap_is_the_loop(case):
    check_batches(case)


def test_the_grid_of_no_turn_gives_the_image_back():
    for corners in (0, 1):
        grid = run_node(
            "AffineGrid", [np.float32([[[1, 0, 0], [0, 1, 0]]]), ints(1, 2, 4, 3)], 20, align_corners=corners
        )
        same = run_node("GridSample", [X, grid], 20, align_corners=corners)
        np.testing.assert_allclose(same, X, atol=1e-6)


def test_a_deformed_convolution_without_offsets_is_a_convolution():
    x, weight = normal(2, 3, 6, 5), normal(4, 3, 3, 2, seed=1)
    shape = {"strides": [2, 1], "pads": [1, 0, 2, 1], "dilations": [1, 2]}
    plain = run_node("Conv", [x, weight], 11, **shape)
    offset = np.zeros((2, 12, *plain.shape[2:]), np.float32)
    torch.testing.assert_close(run_node("DeformConv", [x, weight, offset], 19, **shape), plain, atol=1e-5, rtol=1e-5)


def test_a_whole_offset_moves_the_image():
    x = np.arange(4.0, dtype=np.float32).reshape(1, 1, 1, 4)
    offset = np.zeros((1, 2, 1, 4), np.float32)
    offset[:, 1] = 1
    found = run_node("DeformConv", [x, np.ones((1, 1, 1, 1), np.float32), offset], 19)
    assert found.flatten().tolist() == [1, 2, 3, 0]


def test_an_image_one_cell_wide_can_be_deformed_too():
    x = np.arange(1.0, 5.0, dtype=np.float32).reshape(1, 1, 4, 1)
    down, right = np.zeros((2, 1, 2, 4, 1), np.float32)
    down[:, 0], right[:, 1] = 0.5, 0.25
    kernel = np.ones((1, 1, 1, 1), np.float32)
    assert run_node("DeformConv", [x, kernel, down], 19).flatten().tolist() == pytest.approx([1.5, 2.5, 3.5, 2])
    assert run_node("DeformConv", [x, kernel, right], 19).flatten().tolist() == pytest.approx([0.75, 1.5, 2.25, 3])


def test_windows_put_back_count_how_often_a_cell_was_taken():
    found = run_node("Col2Im", [np.ones((1, 2, 2)), ints(1, 3), ints(1, 2)], 18)
    assert found.flatten().tolist() == [1, 2, 1]


def test_the_cubic_grid_in_three_dimensions_is_left_to_others():
    with pytest.raises(Unsupported, match="three dimensions"):
        run_node("GridSample", [normal(1, 1, 2, 2, 2), uniform(1, 1, 1, 1, 3)], 20, mode="cubic")


@settings(max_examples=60, deadline=None)
@given(
    corners=st.integers(0, 1),
    mode=st.sampled_from(["linear", "nearest", "cubic"]),
    padding=st.sampled_from(["zeros", "border", "reflection"]),
    size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    seed=st.integers(0, 99),
)
def test_every_grid_sample_is_onnxruntimes(corners, mode, padding, size, seed):
    grid = uniform(1, 4, 3, 2, low=-1.5, high=1.5, seed=seed)
    attributes = {"align_corners": corners, "mode": mode, "padding_mode": padding}
    check_against(onnxruntime, "GridSample", [normal(1, 2, *size), grid], 20, atol=1e-4, rtol=1e-4, **attributes)


@settings(max_examples=30, deadline=None)
@given(
    size=st.tuples(st.integers(2, 4), st.integers(2, 4)),
    kernel=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    strides=st.lists(st.integers(1, 2), min_size=2, max_size=2),
    pads=st.lists(st.integers(0, 1), min_size=4, max_size=4),
)
def test_every_put_back_is_the_standards(size, kernel, strides, pads):
    counts = [(n + pads[i] + pads[2 + i] - kernel[i]) // strides[i] + 1 for i, n in enumerate(size)]
    columns = normal(1, 2 * kernel[0] * kernel[1], counts[0] * counts[1])
    check_against(reference, "Col2Im", [columns, ints(*size), ints(*kernel)], 18, strides=strides, pads=pads)
