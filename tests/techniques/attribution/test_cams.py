"""Class activation maps: a model whose map is known, slow twins of the formulas, where heat lands on the image."""

import numpy as np
import pytest

from tests.techniques.attribution.pooled_model import PooledModel
from viz.core.adapter import Layer, ReceptiveField
from viz.core.errors import ImageError, NotSupported, UsageError
from viz.core.target import class_target
from viz.techniques._spatial_layers import Grid, grid_of, stretched
from viz.techniques.attribution.eigen_cam import CAPTION, EigenCam
from viz.techniques.attribution.grad_cam import GradCam
from viz.techniques.attribution.grad_cam_plus_plus import GradCamPlusPlus
from viz.techniques.attribution.layer_cam import LayerCam
from viz.techniques.attribution.xgrad_cam import XgradCam

MODEL = PooledModel(3, 4)
IMAGES = np.random.default_rng(1).random((2, 3, 12, 16)).astype(np.float32)
TARGETS = [class_target(MODEL, 0), class_target(MODEL, 2)]
CLASSES = [0, 2]


def cells_of(technique, model=MODEL, images=IMAGES, targets=TARGETS):
    return [found.arrays["cells"] for found in technique(model, images, targets)]


def activations(image):
    return MODEL.run(image[None], ["cells"])["cells"][0]


def test_grad_cam_of_a_linear_head_is_the_class_activation_map():
    for found, image, index in zip(cells_of(GradCam(signed=True)), IMAGES, CLASSES, strict=True):
        np.testing.assert_allclose(found, MODEL.contributions(image, index), atol=1e-6)


def test_signed_grad_cam_of_a_linear_head_adds_up_to_the_score_without_its_bias():
    for found, index in zip(GradCam(signed=True)(MODEL, IMAGES, TARGETS), CLASSES, strict=True):
        assert found.arrays["cells"].sum() == pytest.approx(found.numbers["score"] - MODEL.bias[index], abs=1e-5)


def test_grad_cam_cuts_off_what_speaks_against_the_target():
    for found, image, index in zip(cells_of(GradCam()), IMAGES, CLASSES, strict=True):
        expected = MODEL.contributions(image, index)
        assert expected.min() < 0
        np.testing.assert_allclose(found, np.maximum(expected, 0), atol=1e-6)


def test_xgrad_cam_of_a_linear_head_is_grad_cam():
    for found, expected in zip(cells_of(XgradCam()), cells_of(GradCam()), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def layer_cam_by_hand(layer, gradients):
    """Eq. 4 to 6, one position of one channel at a time."""
    channels, rows, columns = layer.shape
    found = np.zeros((rows, columns))
    for y in range(rows):
        for x in range(columns):
            total = sum(max(gradients[k, y, x], 0) * layer[k, y, x] for k in range(channels))
            found[y, x] = max(total, 0)
    return found


def grad_cam_plus_plus_by_hand(layer, gradients):
    """Eq. 19, 11 and the rectified sum, one number at a time in float64."""
    channels, rows, columns = layer.shape
    found = np.zeros((rows, columns))
    for k in range(channels):
        weight, activity = 0.0, float(layer[k].sum())
        for y in range(rows):
            for x in range(columns):
                g = float(gradients[k, y, x])
                divisor = 2 * g**2 + activity * g**3
                alpha = g**2 / divisor if divisor else 0.0
                weight += alpha * max(g, 0)
        found += weight * layer[k]
    return np.maximum(found, 0)


@pytest.mark.parametrize(
    ("technique", "by_hand"), [(LayerCam, layer_cam_by_hand), (GradCamPlusPlus, grad_cam_plus_plus_by_hand)]
)
def test_formulas_are_those_of_a_slow_twin(technique, by_hand):
    for found, image, index in zip(cells_of(technique()), IMAGES, CLASSES, strict=True):
        gradients = np.broadcast_to(MODEL.head[index][:, None, None] / 12, (5, 3, 4))
        np.testing.assert_allclose(found, by_hand(activations(image), gradients), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("technique", ["layer-cam", "grad-cam++", "xgrad-cam", "grad-cam"])
def test_formulas_hold_where_the_gradient_differs_from_position_to_position(technique):
    from viz.core.technique import find

    random = np.random.default_rng(3)
    layer, gradients = random.random((2, 5, 3, 4)).astype(np.float32), random.normal(size=(2, 5, 3, 4))
    module = __import__(find(technique).__module__, fromlist=["_combined"])
    combined = GradCam()._combined if technique == "grad-cam" else module._combined
    twins = {
        "layer-cam": layer_cam_by_hand,
        "grad-cam++": grad_cam_plus_plus_by_hand,
        "grad-cam": lambda a, g: np.maximum(sum(g[k].mean() * a[k] for k in range(5)), 0),
        "xgrad-cam": lambda a, g: np.maximum(sum((a[k] * g[k]).sum() / a[k].sum() * a[k] for k in range(5)), 0),
    }
    for i, found in enumerate(combined(layer, gradients.astype(np.float32))):
        np.testing.assert_allclose(found, twins[technique](layer[i], gradients[i]), rtol=1e-3, atol=1e-5)


def test_eigen_cam_is_the_activations_along_the_strongest_eigenvector():
    for found, image in zip(cells_of(EigenCam()), IMAGES, strict=True):
        table = activations(image).reshape(5, -1).astype(float)
        strongest = np.linalg.eigh(table @ table.T)[1][:, -1]
        projected = strongest @ table
        expected = np.maximum(projected * np.sign(projected.sum()), 0).reshape(3, 4)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_eigen_cam_is_the_same_for_every_target_and_says_so_on_the_picture():
    one, other = (EigenCam()(MODEL, IMAGES[:1], [target])[0] for target in TARGETS)
    np.testing.assert_array_equal(one.heat, other.heat)
    assert one.numbers["score"] != other.numbers["score"]
    assert one.caption == CAPTION and "class-agnostic" in CAPTION


def test_a_layer_without_positions_is_refused_with_advice():
    with pytest.raises(UsageError, match="no positions"):
        GradCam(layer="scores")(MODEL, IMAGES, TARGETS)


def test_the_layer_is_noted_once():
    model = PooledModel(3, 4)
    for _ in range(2):
        GradCam()(model, IMAGES, TARGETS)
    assert [note for note in model.notes if "grad-cam reads 'cells' (Relu), 3x4 positions" in note] == model.notes


def test_a_map_that_is_not_finite_is_an_error_of_its_image_only():
    images = IMAGES.copy()
    images[0, 0, 0, 0] = np.nan
    for technique in (GradCam(), EigenCam()):
        bad, good = technique(MODEL, images, TARGETS)
        assert isinstance(bad, ImageError) and np.isfinite(good.heat).all()


def test_a_model_without_maps_is_not_supported():
    from tests.fakes import TensorModel

    model = TensorModel({"out": lambda x: x.sum((2, 3))}, (8, 8))
    from viz.core.target import neuron_target

    with pytest.raises(NotSupported, match="no layer with positions"):
        GradCam()(model, np.zeros((1, 3, 8, 8), np.float32), [neuron_target(model, "out", 0)])


# --- where a layer lies on the image ------------------------------------------------------------


def grid(shape, size, field=None):
    return grid_of(Layer("x", "Op", (None, *shape), receptive_field=field), size)


@pytest.mark.parametrize(
    ("shape", "kind", "cells", "prefix"),
    [
        ((8, 7, 7), "nchw", (7, 7), 0),
        ((7, 7, 1280), "nhwc", (7, 7), 0),
        ((196, 768), "tokens", (14, 14), 0),
        ((197, 768), "tokens", (14, 14), 1),
        ((198, 768), "tokens", (14, 14), 2),
        ((201, 384), "tokens", (14, 14), 5),
        ((50, 768), "tokens", (7, 7), 1),
    ],
)
def test_values_are_recognised_as_maps_or_tokens(shape, kind, cells, prefix):
    found = grid(shape, (224, 224))
    assert (found.kind, found.size, found.prefix) == (kind, cells, prefix)


@pytest.mark.parametrize("shape", [(1000,), (8, 1, 1), (3, 300, 300), (512, 768), (8, 14, 30), (2, 3, 4, 5)])
def test_values_without_positions_on_the_image_are_not(shape):
    assert grid(shape, (224, 224)) is None


def test_a_layer_without_a_row_for_each_image_is_not():
    assert grid_of(Layer("windows", "Reshape", (4, 8, 7, 7)), (224, 224)) is None


def test_maps_of_a_grid_are_its_channels_and_masks_fall_on_the_same_positions():
    random = np.random.default_rng(0)
    for shape, size in (((5, 2, 3), (8, 12)), ((2, 3, 16), (8, 12)), ((2 * 3 + 1, 5), (8, 12))):
        found = grid(shape, size)
        values = random.random((1, *shape)).astype(np.float32)
        masks = random.random((4, 2, 3)).astype(np.float32)
        expected = found.maps(values) * masks[:, None]
        np.testing.assert_allclose(found.maps(found.masked(values, masks)), expected, rtol=1e-6)
        if found.prefix:
            np.testing.assert_array_equal(found.masked(values, masks)[:, 0], values[:, 0].repeat(4, 0))


def test_zero_of_a_quantized_layer_is_its_zero_point():
    found = Grid(Layer("q", "QLinearConv", (None, 1, 1, 2), zero=10), (1, 2), "nchw")
    values = np.array([[[[30, 10]]]], np.float32)
    np.testing.assert_array_equal(found.maps(values), [[[[20, 0]]]])
    np.testing.assert_array_equal(found.masked(values, np.array([[[0.5, 1]]], np.float32)), [[[[20, 10]]]])


@pytest.mark.parametrize(("size", "offset"), [(5, -2), (3, 1), (7, 0)])
def test_a_hot_cell_is_hottest_at_the_centre_of_its_receptive_field(size, offset):
    found = grid((1, 6, 6), (48, 48), ReceptiveField((size, size), (8, 8), (offset, offset)))
    for row, column in ((1, 2), (4, 3)):
        cells = np.zeros((6, 6), np.float32)
        cells[row, column] = 1
        heat = stretched(cells, found, (48, 48))
        centre = offset + (size - 1) // 2
        assert np.unravel_index(heat.argmax(), heat.shape) == (centre + 8 * row, centre + 8 * column)


@pytest.mark.parametrize("field", [None, ReceptiveField((491, 491), (8, 8), (-240, -240))])
def test_cells_cover_the_image_evenly_where_their_fields_have_no_centre_on_it(field):
    found = grid((1, 6, 6), (48, 48), field)
    heat = stretched(np.arange(6, dtype=np.float32).repeat(6).reshape(6, 6), found, (48, 48))
    np.testing.assert_allclose(heat, (5 - heat)[::-1], atol=1e-5)
    assert heat[3:5].mean() == pytest.approx(0, abs=0.1) and heat[43:45].mean() == pytest.approx(5, abs=0.1)
