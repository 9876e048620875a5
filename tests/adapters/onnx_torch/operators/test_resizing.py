"""Resize and Upsample: known answers, every mode against onnxruntime, torch's fast ways equal to the tables."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.adapters.onnx_torch.operator_cases import Case, check_batches, check_slopes, check_values, ints, normal
from tests.adapters.onnx_torch.single_node import check_against, check_gradient, onnxruntime, reference, run_node
from viz.adapters.onnx_torch.operator_table import Unsupported
from viz.adapters.onnx_torch.operators import _resize_fast, resizing
from viz.adapters.onnx_torch.operators._resize_taps import Axis, taps

X = normal(1, 2, 4, 3)
TWICE = np.float32([1, 1, 2, 2])
UNEVEN = np.float32([1, 1, 0.6, 1.7])
COORDINATES = "half_pixel pytorch_half_pixel align_corners asymmetric tf_half_pixel_for_nn half_pixel_symmetric".split()


def how(coordinates, **attributes):
    return {"coordinate_transformation_mode": coordinates, **attributes}


CASES = [
    Case("Upsample", [X], (7,), {"scales": [1.0, 1.0, 2.0, 3.0]}),
    Case("Upsample", [X], (7,), {"scales": [1.0, 1.0, 2.0, 1.5], "mode": "linear"}),
    Case("Upsample", [X, UNEVEN * 2], (9,), {"mode": "nearest"}),
    Case("Resize", [X, TWICE], (10,), {"mode": "linear"}),
    Case("Resize", [X, UNEVEN], (10,)),
    Case("Resize", [X, None, TWICE], (13, 18, 19), {"mode": "linear"}, runtime=True),
    Case("Resize", [X, None, TWICE], (13, 18, 19), {"mode": "cubic"}),
    Case("Resize", [X, None, UNEVEN], (13,), {"mode": "cubic", "exclude_outside": 1, "cubic_coeff_a": -0.5}),
    Case("Resize", [X, None, None, ints(1, 2, 7, 5)], (13, 19), how("align_corners", mode="linear")),
    Case("Resize", [X, None, None, ints(1, 2, 3, 8)], (13, 19), how("half_pixel", mode="nearest")),
    Case("Resize", [X, None, None, ints(2, 2)], (18, 19), {"mode": "linear", "antialias": 1, "axes": [2, 3]}),
    Case("Resize", [X, None, None, ints(8, 8)], (18, 19), {"axes": [2, 3], "keep_aspect_ratio_policy": "not_larger"}),
    Case("Resize", [X, None, None, ints(8, 8)], (18, 19), {"axes": [2, 3], "keep_aspect_ratio_policy": "not_smaller"}),
    Case(
        "Resize",
        [X, np.float32([0, 0, -0.2, 0.3, 1, 1, 0.7, 1.1]), None, ints(1, 2, 3, 5)],
        (13, 19),
        how("tf_crop_and_resize", mode="linear", extrapolation_value=9.0),
    ),
    Case(
        "Resize",
        [normal(1, 4, 3, 2), None, np.float32([1, 2, 2, 1])],
        (13,),
        {"mode": "linear"},
        note="channels-last",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_are_those_of_other_implementations(case):
    check_values(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_are_central_differences(case):
    check_slopes(Case(**{**vars(case), "wrt": [0]}))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_batch_by_vmap_is_the_loop(case):
    check_batches(case)


def test_twice_the_width_by_each_coordinate_mode():
    def resized(**attributes):
        return (
            run_node("Resize", [np.array([[[0.0, 4.0]]]), None, np.float32([1, 1, 2])], 13, **attributes)
            .flatten()
            .tolist()
        )

    assert resized() == [0, 0, 4, 4]
    assert resized(**how("half_pixel", mode="linear")) == [0, 1, 3, 4]
    assert resized(**how("asymmetric", mode="linear")) == [0, 2, 4, 4]
    assert resized(**how("align_corners", mode="linear")) == pytest.approx([0, 4 / 3, 8 / 3, 4])


def test_of_an_even_shrinking_every_cell_has_its_part_with_antialias_only():
    x = np.array([[[0.0, 0, 8, 0, 0, 0, 0, 0]]])
    plain = run_node("Resize", [x, None, np.float32([1, 1, 0.25])], 18, mode="linear")
    smooth = run_node("Resize", [x, None, np.float32([1, 1, 0.25])], 18, mode="linear", antialias=1)
    assert plain.flatten().tolist() == [4, 0]
    assert smooth.flatten().tolist() == pytest.approx([8 * 7 / 32, 8 * 1 / 32])


def test_the_size_is_a_product_in_single_precision():
    ten = np.zeros((1, 10), np.float32)
    assert run_node("Resize", [ten, np.float32([1, 0.7])], 10).shape == (1, 7)  # 0.7 is a little less in float32


def test_integers_are_cut_towards_zero():
    x = np.array([[[-100, 7, 3, 90]]], np.int8)
    for mode in ("nearest", "linear"):
        check_against(onnxruntime, "Resize", [x, None, np.float32([1, 1, 2])], 13, mode=mode)
    with pytest.raises(Unsupported, match="integers"):
        run_node("Resize", [x, None, np.float32([1, 1, 2])], 13, mode="cubic")


def test_nothing_to_do_is_no_copy():
    x = torch.randn(1, 2, 3)
    assert run_node("Resize", [x, None, np.float32([1, 1, 1])], 13).data_ptr() == x.data_ptr()


def test_the_edges_of_a_region_have_gradients_too():
    inputs = [X, np.array([0.1, 0.2, 0.8, 0.7]), None, ints(3, 4)]
    check_gradient("Resize", inputs, 18, wrt=[0, 1], axes=[2, 3], **how("tf_crop_and_resize", mode="linear"))


def test_a_region_that_depends_on_the_image_is_left_to_others_where_cells_are_chosen():
    roi = torch.tensor([0.0, 1.0], requires_grad=True)
    with pytest.raises(Unsupported, match="region"):
        run_node("Resize", [np.ones(3), roi, None, ints(2)], 13, **how("tf_crop_and_resize", mode="nearest"))


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_opset_11_names_a_region_even_where_there_is_none(mode):
    nothing = np.zeros(0, np.float32)
    check_against(onnxruntime, "Resize", [X, nothing, UNEVEN], 11, mode=mode)
    check_against(onnxruntime, "Resize", [X, nothing, nothing, ints(1, 2, 3, 5)], 11, mode=mode)


def test_a_fraction_of_a_cell_too_much_moves_the_corners_as_in_the_standard():
    attributes = how("align_corners", mode="linear")
    check_against(reference, "Resize", [X, None, UNEVEN], 13, **attributes)


@pytest.mark.parametrize("coordinates", ["half_pixel", "align_corners", "asymmetric"])
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("axes", [(2,), (3,), (2, 3), (1, 2), (0, 2, 3)])
def test_torchs_fast_way_gives_what_the_tables_give(mode, coordinates, axes):
    x = torch.from_numpy(normal(2, 3, 4, 2)).double()
    wanted = {i: Axis(x.shape[i], x.shape[i] * 2, 2.0, mode, coordinates, "floor") for i in axes}
    fast = _resize_fast.interpolated(x, wanted)
    if mode == "nearest":
        has_one = coordinates == "asymmetric"
    else:
        has_one = coordinates != "asymmetric" and (mode == "linear" or len(axes) == 2)
    assert (fast is not None) == has_one
    if fast is not None:
        torch.testing.assert_close(fast, resizing._along_each(x, wanted, 0.0), atol=1e-6, rtol=1e-6)


def test_halves_by_nearest_neighbours_are_torchs_for_the_exporters_modes():
    for coordinates, nearest in [("asymmetric", "floor"), ("half_pixel", "round_prefer_floor")]:
        axis = Axis(7, 14, 2.0, "nearest", coordinates, nearest)
        assert _resize_fast.interpolated(torch.zeros(1, 1, 7), {2: axis}) is not None
        assert taps(axis).cells[:, 0].tolist() == [i // 2 for i in range(14)]


@st.composite
def resizes(draw):
    """Inputs and attributes of Resize that onnxruntime and the standard agree on."""
    mode = draw(st.sampled_from(["nearest", "linear", "cubic"]))
    coordinates = draw(st.sampled_from([*COORDINATES, "tf_crop_and_resize"]))
    attributes = how(coordinates, mode=mode, antialias=draw(st.integers(0, int(mode != "nearest"))))
    if mode == "nearest":
        attributes["nearest_mode"] = draw(st.sampled_from(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]))
    if mode == "cubic":
        attributes |= {
            "exclude_outside": draw(st.integers(0, 1)),
            "cubic_coeff_a": draw(st.sampled_from([-0.75, -0.5])),
        }
    size = np.array([draw(st.integers(1, 12)), draw(st.integers(1, 12))])
    out = np.array([draw(st.integers(1, 20)), draw(st.integers(1, 20))])
    x = np.random.default_rng(size.sum()).normal(size=(1, 2, *size)).astype(np.float32)
    assume((size != out).any())
    inputs = [x, None, None, ints(1, 2, *out)]
    if coordinates == "tf_crop_and_resize":
        assume((size != out).all())  # onnxruntime does not crop an axis that keeps its size
        starts, ends = draw(st.sampled_from([(0.0, 1.0), (-0.2, 0.7), (0.25, 1.25), (0.9, 0.1)])), (1.0, 1.0)
        inputs[1] = np.float32([0, 0, starts[0], 0, *ends, starts[1], 1])
        attributes["extrapolation_value"] = 9.0
    elif draw(st.booleans()) and coordinates in ("half_pixel", "asymmetric"):
        inputs[2:] = [np.float32([1, 1, *draw(st.sampled_from([(0.5, 2), (1.5, 0.7), (3, 0.3), (1.3, 0.6)]))])]
        scaled = np.floor(size * inputs[2][2:])
        assume(min(scaled) >= 1)
        # With antialias, onnxruntime leaves an axis as it is that keeps its size, whatever its scale.
        assume(not attributes["antialias"] or (scaled != size).all())
    # A tie of the symmetric kind hangs on how its shift is rounded.
    assume(coordinates != "half_pixel_symmetric" or attributes.get("nearest_mode") not in ("floor", "ceil"))
    return inputs, attributes


@settings(max_examples=150, deadline=None)
@given(resizes())
def test_every_resize_is_onnxruntimes(case):
    inputs, attributes = case
    check_against(onnxruntime, "Resize", inputs, 19, rtol=1e-4, atol=1e-4, **attributes)
