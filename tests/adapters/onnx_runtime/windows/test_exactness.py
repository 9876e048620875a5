"""Variants by windows have the values of whole passes: operator by operator, on all places, at all borders."""

from dataclasses import replace

import numpy as np
import pytest
from onnx import TensorProto

from tests.adapters.onnx_runtime.windows.both_ways import (
    TOLERANCE,
    assert_same_both_ways,
    by_whole_passes,
    by_windows,
    every_place,
    noise_images,
    noise_patched,
    some_places,
    ways,
)
from tests.adapters.onnx_runtime.windows.nets import SignedNet
from tests.adapters.onnx_runtime.windows.operator_cases import KINDS, OPERATORS
from viz.core.batching import BatchedAdapter
from viz.core.patches import Patched

pytestmark = pytest.mark.usefixtures("windows_anyway")
SIZE = (20, 31)


def network(case="3x3", size=SIZE, layout="nchw", kind=TensorProto.FLOAT, pooled=True):
    """conv 3x3, the operator, leaky relu, conv 3x3, scores; the names of the operator's output and of the scores."""
    operator = OPERATORS[case]
    net = SignedNet(*size, layout, kind=kind, opset=operator.opset)
    inner = operator.piece(net, net.conv(net.first, out=4))
    last = net.conv(net.add("LeakyRelu", inner, alpha=0.5)[0])
    return net, inner, net.scores(last, pooled)


# --- known answers ----------------------------------------------------------------------------


def test_a_square_of_black_takes_from_a_sum_of_boxes_what_its_pixels_gave(tmp_path):
    net = SignedNet(*SIZE)
    box = net.floats(np.ones((1, 3, 3, 3)))
    mean = net.add("GlobalAveragePool", net.add("Conv", "image", box, pads=[1] * 4)[0])[0]
    scores = net.add("Flatten", mean)[0]
    model, places = net.opened(tmp_path, scores), every_place(SIZE, 4)
    patched = Patched(np.ones((1, 3, *SIZE), np.float32), np.zeros((1, 3, *SIZE), np.float32), 4, places)
    # A pixel lies in three windows along each side, in two at a border.
    rows, columns = (3 - np.isin(np.arange(n), (0, n - 1)) for n in SIZE)
    given = 3.0 * np.outer(rows, columns)
    hidden = np.array([given[top : top + 4, left : left + 4].sum() for _, top, left in places])
    expected = (given.sum() - hidden) / np.prod(SIZE)
    np.testing.assert_allclose(by_windows(model, patched, [scores])[scores][:, 0], expected, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_bright_square_is_the_largest_wherever_a_pool_sees_it(tmp_path, stride):
    net = SignedNet(*SIZE)
    pooled = net.add("MaxPool", "image", kernel_shape=[3, 3], strides=[stride] * 2, pads=[1] * 4)[0]
    model, places = net.opened(tmp_path, pooled), every_place(SIZE, 5)
    patched = Patched(np.zeros((1, 3, *SIZE), np.float32), np.ones((1, 3, *SIZE), np.float32), 5, places)
    values = by_windows(model, patched, [pooled])[pooled]
    for (_, top, left), found in zip(places, values, strict=True):
        centres = [np.arange(n) * stride for n in found.shape[1:]]
        near = [(c >= first - 1) & (c <= first + 5) for c, first in zip(centres, (top, left), strict=True)]
        np.testing.assert_array_equal(found, np.broadcast_to(np.outer(*near), found.shape))


# --- each operator against whole passes -------------------------------------------------------


@pytest.mark.parametrize("case", OPERATORS)
def test_all_places_have_the_values_of_whole_passes(tmp_path, case):
    net, _, scores = network(case)
    model = net.opened(tmp_path, scores)
    assert_same_both_ways(model, noise_patched(SIZE, 3, every_place(SIZE, 3)), [scores])


@pytest.mark.parametrize("case", OPERATORS)
def test_windows_are_computed_where_a_place_decides_by_itself(tmp_path, case):
    net, inner, scores = network(case, size=(48, 56))
    found = ways(net.opened(tmp_path, scores), 3, [scores])
    stem = next(node.output[0] for node in net.nodes if node.op_type == "Conv")
    assert (found[stem], found[inner]) == ("window", OPERATORS[case].way)


@pytest.mark.parametrize("case", OPERATORS)
def test_inner_layers_of_images_with_other_fills_have_the_values_of_whole_passes(tmp_path, case):
    net, inner, scores = network(case, pooled=False)
    model = net.opened(tmp_path, scores)
    patched = noise_patched(SIZE, 4, some_places(SIZE, 4, 12, images=2))
    assert_same_both_ways(model, patched, [inner, scores], OPERATORS[case].tolerance)


# --- squares, strides, images -----------------------------------------------------------------

SEVERAL = ["stride 2", "MaxPool rounding up with pads", "branches joined", "channels shuffled", "convolution in uint8"]


@pytest.mark.parametrize("case", SEVERAL)
@pytest.mark.parametrize(("side", "stride"), [(1, 1), (2, 2), (5, 3), (7, 4), (13, 5), (19, 1), (20, 1)])
def test_squares_of_any_side_have_the_values_of_whole_passes(tmp_path, case, side, stride):
    net, _, scores = network(case)
    model = net.opened(tmp_path, scores)
    assert_same_both_ways(model, noise_patched(SIZE, side, every_place(SIZE, side, stride)), [scores])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(12, 12), (31, 20), (16, 40), (33, 17)])
def test_every_form_of_the_image_has_the_values_of_whole_passes(tmp_path, kind, size):
    layout, element = KINDS[kind]
    net, inner, scores = network("MaxPool rounding up", size, layout, element)
    model = net.opened(tmp_path, scores)
    assert_same_both_ways(model, noise_patched(size, 3, every_place(size, 3, 2, images=2)), [inner, scores])


def test_the_answer_does_not_depend_on_what_is_computed_with_it(tmp_path):
    net, _, scores = network("sum of branches")
    model = net.opened(tmp_path, scores)
    patched = noise_patched(SIZE, 4, some_places(SIZE, 4, 40, images=3))
    together = by_windows(model, patched, [scores], at_once=16)[scores]
    for at_once in (1, 3, 64):
        np.testing.assert_allclose(by_windows(model, patched, [scores], at_once)[scores], together, atol=1e-5)
    alone = [by_windows(model, patched.at(patched.places[[i]]), [scores])[scores][0] for i in range(0, 40, 9)]
    np.testing.assert_allclose(alone, together[:40:9], atol=1e-5)


def test_images_wait_for_each_other_and_keep_their_own_squares(tmp_path):
    net, _, scores = network("branches joined")
    model = net.opened(tmp_path, scores)
    runner = model.patch_runner(4, [scores])
    patched = noise_patched(SIZE, 4, every_place(SIZE, 4, 9, images=2))
    expected = by_whole_passes(model, patched, [scores])[scores]
    first, second = (runner.begin(patched.images[[i]], patched.fills[[i]]) for i in (0, 1))
    of_first = patched.places[:, 0] == 0
    places = patched.places * [0, 1, 1]
    for begun, mine in ((second, ~of_first), (first, of_first)):
        found = runner.run(begun, places[mine][:8])[scores]
        np.testing.assert_allclose(found, expected[mine][:8], atol=TOLERANCE)


def test_a_square_that_changes_nothing_leaves_the_whole_images_values(tmp_path):
    net, _, scores = network("branches joined")
    model = net.opened(tmp_path, scores)
    patched = noise_patched(SIZE, 4, every_place(SIZE, 4, 6))
    same = replace(patched, fills=patched.images)
    clean = model.run(patched.images, [scores])[scores]
    found = by_windows(model, same, [scores])[scores]
    np.testing.assert_allclose(found, np.broadcast_to(clean, found.shape), atol=1e-5)


def test_an_outputs_map_and_an_inner_layer_come_together(tmp_path):
    net = SignedNet(*SIZE)
    early = net.add("Relu", net.conv(net.first, out=4))[0]
    late = net.conv(net.add("MaxPool", early, kernel_shape=[2, 2], strides=[2, 2])[0], out=6)
    model = net.opened(tmp_path, late)
    patched = noise_patched(SIZE, 3, every_place(SIZE, 3, 2))
    assert_same_both_ways(model, patched, [late, early])
    assert_same_both_ways(model, patched, [early])


def test_values_far_above_one_are_as_near_in_proportion(tmp_path):
    net = SignedNet(*SIZE)
    large = net.add("Mul", net.conv(net.first, out=4), net.floats(1e4))[0]
    scores = net.scores(net.conv(net.add("Relu", large)[0]))
    model = net.opened(tmp_path, scores)
    assert_same_both_ways(model, noise_patched(SIZE, 3, every_place(SIZE, 3, 2)), [scores])


@pytest.mark.parametrize("batch", [1, 4])
def test_a_file_for_a_fixed_number_of_images_is_opened_for_any_number_of_variants(tmp_path, batch):
    net, inner, scores = network("channels shuffled" if batch == 1 else "sum of branches")
    model = net.opened(tmp_path, scores, batch=batch)
    assert_same_both_ways(model, noise_patched(SIZE, 3, some_places(SIZE, 3, 10, images=2)), [inner, scores])


def test_further_inputs_reach_both_graphs(tmp_path):
    net = SignedNet(*SIZE)
    net.shapes["gain"], net.types["gain"] = (), TensorProto.FLOAT
    first = net.add("Mul", net.conv(net.first, out=4), "gain")[0]
    scores = net.scores(net.conv(net.add("Mul", first, "gain")[0]))
    model = net.opened(tmp_path, scores, further={"gain": 1.5})
    assert_same_both_ways(model, noise_patched(SIZE, 3, every_place(SIZE, 3, 5)), [scores, first])


def test_a_layer_asked_for_twice_is_given_once(tmp_path):
    net, inner, scores = network("sum of branches")
    model = net.opened(tmp_path, scores)
    found = by_windows(model, noise_patched(SIZE, 3, every_place(SIZE, 3, 9)), [scores, inner, scores])
    assert set(found) == {scores, inner}


def test_what_the_image_is_turned_into_first_can_be_asked_for(tmp_path):
    net, _, scores = network("MaxPool", layout="nhwc", kind=TensorProto.UINT8)
    model = net.opened(tmp_path, scores)
    assert_same_both_ways(model, noise_patched(SIZE, 3, every_place(SIZE, 3, 3)), [net.first, scores])


# --- through the wrapper that techniques use --------------------------------------------------


def test_a_batched_model_takes_windows_and_has_checked_them(tmp_path):
    net, _, scores = network("sum of branches", size=(48, 56))
    model = BatchedAdapter(net.opened(tmp_path, scores), 8)
    patched = noise_patched((48, 56), 4, every_place((48, 56), 4, 7, images=3))
    found = model.run_patched(patched, [scores])[scores]
    np.testing.assert_allclose(found, by_whole_passes(model, patched, [scores])[scores], atol=TOLERANCE)
    assert model.notes == []
    [check] = model.evidence()["windows"]
    assert check["largest_difference"] < 1e-5


def test_images_need_not_be_in_order(tmp_path):
    net, _, scores = network("sum of branches")
    model = BatchedAdapter(net.opened(tmp_path, scores), 8)
    images = noise_images(3, SIZE)
    patched = Patched(images, 1 - images, 4, some_places(SIZE, 4, 30, images=3)[::-1])
    found = model.run_patched(patched, [scores])[scores]
    np.testing.assert_allclose(found, by_whole_passes(model, patched, [scores])[scores], atol=TOLERANCE)
