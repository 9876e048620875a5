"""ROAD: imputation against the equations written out, and what the metric makes of good and bad maps."""

import numpy as np
import pytest

from tests.fakes import LinearModel
from tests.techniques.metrics.judging import explained
from viz.core.target import class_target
from viz.techniques.metrics._imputation import NOISE, imputed, linear_imputation
from viz.techniques.metrics.road import PERCENTAGES, Road

RANDOM = np.random.default_rng(0)


def written_out(image, removed):
    """Slow and obvious twin: one equation per removed pixel, solved as a dense matrix."""
    channels, height, width = image.shape
    places = list(zip(*np.nonzero(removed), strict=True))
    number = {place: i for i, place in enumerate(places)}
    matrix, right = np.zeros((len(places), len(places))), np.zeros((len(places), channels))
    for (y, x), i in number.items():
        for dy, dx in [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)]:
            if not (0 <= y + dy < height and 0 <= x + dx < width):
                continue
            weight = 1 / 12 if dy and dx else 1 / 6
            matrix[i, i] += weight
            if (y + dy, x + dx) in number:
                matrix[i, number[y + dy, x + dx]] -= weight
            else:
                right[i] += weight * image[:, y + dy, x + dx]
    filled = image.astype(np.float64)
    if places:
        filled[:, *np.transpose(places)] = np.linalg.solve(matrix, right).T
    return filled


@pytest.mark.parametrize("size", [(12, 12), (17, 9), (5, 31), (3, 4)])
@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9])
def test_the_filled_pixels_solve_the_linear_system(size, part):
    image, removed = RANDOM.random((3, *size), np.float32), RANDOM.random(size) < part
    removed[0, 0] = False
    np.testing.assert_allclose(linear_imputation(image, removed), written_out(image, removed), atol=5e-4)


def test_a_large_hole_is_filled_as_exactly_as_scattered_pixels():
    image, removed = RANDOM.random((3, 32, 40), np.float32), np.zeros((32, 40), np.bool_)
    removed[3:30, 5:] = True
    np.testing.assert_allclose(linear_imputation(image, removed), written_out(image, removed), atol=5e-4)


def test_pixels_that_are_not_removed_keep_their_values_exactly():
    image, removed = RANDOM.random((3, 20, 20), np.float32), RANDOM.random((20, 20)) < 0.5
    found = imputed(image, removed, np.random.default_rng(1))
    assert (found[:, ~removed] == image[:, ~removed]).all()
    assert (found[:, removed] != image[:, removed]).all()


def test_the_noise_has_the_deviation_that_it_should():
    image, removed = np.full((3, 64, 64), 0.5, np.float32), np.ones((64, 64), np.bool_)
    removed[0] = False
    found = imputed(image, removed, np.random.default_rng(1))
    assert (found[:, removed] - 0.5).std() == pytest.approx(NOISE, rel=0.05)


def test_nothing_can_be_filled_in_where_nothing_is_left():
    with pytest.raises(ValueError, match="nothing is left"):
        linear_imputation(np.zeros((3, 4, 4), np.float32), np.ones((4, 4), np.bool_))


def test_it_removes_the_percentages_of_the_paper():
    assert PERCENTAGES == (10, 20, 30, 40, 50, 70, 90)


def test_a_true_map_is_above_zero_its_opposite_as_far_below_and_a_flat_one_at_zero():
    size = (24, 24)
    weights = np.zeros((1, 3, *size), np.float32)
    weights[0, :, 8:16, 8:16] = 1
    image = 0.2 * np.ones((3, *size), np.float32)
    image[:, 8:16, 8:16] = 0.9
    model, heat = LinearModel(weights), weights[0, 0]
    target = 1.0 * class_target(model, 0)
    judged = explained(model, np.stack([image] * 3), [heat, -heat, 0 * heat], [target] * 3)
    good, bad, flat = Road()(judged).values
    assert good > 50  # the square counts 173; without it 38
    assert bad == pytest.approx(-good, rel=0.1)
    assert abs(flat) < 0.2 * good


def test_equally_hot_pixels_are_removed_all_over_the_image_not_row_by_row():
    seen = []

    class Watching(LinearModel):
        def run(self, images, layers):
            seen.append(images)
            return super().run(images, layers)

    model = Watching(np.ones((1, 3, 20, 20), np.float32))
    gray = np.tile(np.float32([0, 1]), (3, 20, 10))
    Road()(explained(model, gray[None], [np.zeros((20, 20))], [1.0 * class_target(model, 0)]))
    changed = (np.abs(seen[0][4] - gray) > 0.05).any(axis=0)  # half of all pixels
    assert changed[:10].mean() == pytest.approx(changed[10:].mean(), abs=0.2)
