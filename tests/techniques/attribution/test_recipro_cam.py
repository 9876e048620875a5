"""Recipro-CAM: what each position gives by itself, on a model where that is known."""

import numpy as np
import pytest

from tests.fakes import LinearModel
from tests.techniques.attribution.pooled_model import PooledModel
from viz.core.batching import BatchedAdapter
from viz.core.errors import ImageError, NotSupported
from viz.core.target import class_target
from viz.techniques.attribution.recipro_cam import ReciproCam, position_masks

MODEL = PooledModel(3, 4)
IMAGES = np.random.default_rng(1).random((2, 3, 12, 16)).astype(np.float32)
TARGETS = [class_target(MODEL, 0), class_target(MODEL, 2)]


@pytest.mark.parametrize("batch_size", [None, 1, 5])
def test_single_positions_of_a_linear_head_give_the_class_activation_map(batch_size):
    found = ReciproCam(keep="one")(BatchedAdapter(MODEL, batch_size), IMAGES, TARGETS)
    for result, image, index in zip(found, IMAGES, (0, 2), strict=True):
        np.testing.assert_allclose(result.arrays["cells"], MODEL.contributions(image, index), atol=1e-5)
        assert result.numbers["score_of_nothing"] == pytest.approx(float(MODEL.bias[index]), abs=1e-5)
        assert result.arrays["cells"].sum() == pytest.approx(
            result.numbers["score"] - result.numbers["score_of_nothing"], abs=1e-4
        )


def test_positions_with_their_neighbours_give_that_map_smoothed():
    gaussian = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
    for result, image, index in zip(ReciproCam()(MODEL, IMAGES, TARGETS), IMAGES, (0, 2), strict=True):
        padded = np.pad(MODEL.contributions(image, index), 1)
        expected = [[(padded[y : y + 3, x : x + 3] * gaussian).sum() for x in range(4)] for y in range(3)]
        np.testing.assert_allclose(result.arrays["cells"], expected, atol=1e-5)


def test_masks_are_one_position_each_or_a_gaussian_cut_off_at_the_border():
    alone = position_masks((2, 3), soft=False)
    np.testing.assert_array_equal(alone.reshape(6, 6), np.eye(6))
    soft = position_masks((3, 3), soft=True)
    np.testing.assert_array_equal(soft[4], np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16)
    np.testing.assert_array_equal(soft[0], np.array([[4, 2, 0], [2, 1, 0], [0, 0, 0]]) / 16)


def test_a_head_that_ignores_the_layer_is_warned_of():
    model = PooledModel(3, 4)
    model.head[:] = 0
    [found] = ReciproCam(layer="cells")(model, IMAGES[:1], [class_target(model, 0)])
    assert "by itself" in found.warnings[0]


def test_a_model_that_cannot_be_run_from_inside_is_not_supported_and_says_what_is():
    model = LinearModel(np.ones((2, 3, 8, 8), np.float32))
    with pytest.raises(NotSupported, match="cannot be run from an inner layer") as problem:
        ReciproCam()(model, np.zeros((1, 3, 8, 8), np.float32), [class_target(model, 0)])
    assert "rise" in problem.value.next_step


def test_a_map_that_is_not_finite_is_an_error_of_its_image_only():
    images = IMAGES.copy()
    images[0, 0, 0, 0] = np.nan
    bad, good = ReciproCam()(MODEL, images, TARGETS)
    assert isinstance(bad, ImageError) and np.isfinite(good.heat).all()
