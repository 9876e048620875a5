"""RISE: the law of its masks, maps that can be written down, a slow twin, and how sure it says it is."""

import numpy as np
import pytest

from tests.fakes import LinearModel
from viz.core.batching import BatchedAdapter
from viz.core.errors import ImageError
from viz.core.target import class_target
from viz.techniques.attribution._random_masks import RandomMasks
from viz.techniques.attribution.rise import Rise

RANDOM = np.random.default_rng(0)


def linear(size=(6, 8), classes=2, **options):
    return LinearModel(RANDOM.standard_normal((classes, 3, *size)).astype(np.float32), **options)


def pictures(count, size=(6, 8)):
    return RANDOM.random((count, 3, *size)).astype(np.float32)


def all_masks(most=1000, ends=10_000, **options):
    masks = RandomMasks(**{"size": (6, 8), "cell": 3, "keep": 0.4, "count": 20, "seed": 1, **options})
    return np.concatenate(list(masks.chunks(most, ends)))


# --- masks --------------------------------------------------------------------------------------


def test_every_pixel_is_kept_as_often_as_asked_at_the_border_too():
    masks = all_masks(count=20_000)
    assert masks.min() >= 0 and masks.max() <= 1
    np.testing.assert_allclose(masks.mean(axis=0), 0.4, atol=0.02)
    spread = masks.var(axis=0)
    assert spread.max() / spread.min() < 1.1


def test_masks_are_the_same_however_many_are_drawn_at_a_time():
    expected = all_masks()
    for most, ends in ((1, 10_000), (7, 10_000), (7, 4), (20, 3)):
        np.testing.assert_array_equal(all_masks(most, ends), expected)
    assert not np.array_equal(all_masks(seed=2), expected)


def test_a_chunk_ends_where_it_is_asked_to():
    masks = RandomMasks((4, 4), 2, 0.5, 10, 0)
    assert [len(chunk) for chunk in masks.chunks(3, 4)] == [3, 1, 3, 1, 2]


def test_a_mask_is_a_shifted_grid_stretched_between_its_points():
    """Built once more from its law: bilinear between random points three pixels apart."""
    masks = RandomMasks((5, 7), 3, 0.5, 4, 3)
    kept, shifts = masks._kept(), masks._shifts()
    for mask, points, (down, across) in zip(np.concatenate(list(masks.chunks(9, 9))), kept, shifts, strict=True):
        for y in range(5):
            for x in range(7):
                top, left = (y + down) // 3, (x + across) // 3
                v, u = (y + down) % 3 / 3, (x + across) % 3 / 3
                upper = (1 - u) * points[top, left] + u * points[top, left + 1]
                lower = (1 - u) * points[top + 1, left] + u * points[top + 1, left + 1]
                assert mask[y, x] == pytest.approx((1 - v) * upper + v * lower, abs=1e-6)


# --- maps ---------------------------------------------------------------------------------------


def test_single_pixel_cells_on_a_linear_score_give_weights_times_pixels_times_the_part_hidden():
    """cov(score, M) / keep = w x keep (1 - keep) / keep: exactly, as the number of masks grows."""
    model, image = linear((4, 5)), pictures(1, (4, 5))
    [found] = Rise(masks=20_000, cells=4, keep=0.3)(model, image, [class_target(model, 1)])
    expected = (1 - 0.3) * (model.weights[1] * image[0]).sum(axis=0)
    assert (np.abs(found.heat - expected) < 4.5 * found.arrays["standard_error"]).all()
    assert found.arrays["standard_error"].max() < 0.2 * np.abs(expected).max()


def covariance_along(length, cell):
    """Of two pixels of a mask, over all shifts, for cells of variance 1: worked out shift by shift."""
    points = (length + 2 * cell) // cell + 1
    found = np.zeros((length, length))
    for shift in range(cell):
        weights = np.maximum(0, 1 - np.abs((np.arange(length)[:, None] + shift) / cell - np.arange(points)))
        found += weights @ weights.T / cell
    return found


def test_wide_cells_on_a_linear_score_give_what_neighbours_kept_together_add():
    model, image = linear(), pictures(1)
    [found] = Rise(masks=20_000, cells=2, keep=0.5, fill="gray")(model, image, [class_target(model, 0)])
    parts = (model.weights[0] * (image[0] - 0.5)).sum(axis=0).astype(float)
    expected = 0.5 * covariance_along(6, 3) @ parts @ covariance_along(8, 3)
    assert (np.abs(found.heat - expected) < 4.5 * found.arrays["standard_error"]).all()
    assert found.arrays["standard_error"].max() < 0.2 * np.abs(expected).max()


def rise_by_hand(model, image, target, masks, keep):
    """Eq. 6, one mask and one pixel at a time; heat is that less the mean score, as far as masks keep the pixel."""
    scores = [float(target.of(model.run((image * mask)[None], target.layers))[0]) for mask in masks]
    mean, (height, width) = sum(scores) / len(scores), image.shape[1:]
    expected, heat = np.zeros((height, width)), np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            for score, mask in zip(scores, masks, strict=True):
                expected[y, x] += score * mask[y, x] / keep / len(masks)
                heat[y, x] += (score - mean) * mask[y, x] / keep / len(masks)
    return expected, heat, mean


@pytest.mark.parametrize("batch_size", [None, 1, 7])
def test_maps_are_those_of_a_slow_twin(batch_size):
    model, images = linear(squash="softmax"), pictures(2)
    targets = [class_target(model, 0, "probability"), class_target(model, 1)]
    found = Rise(masks=40, cells=3, keep=0.4, seed=5)(BatchedAdapter(model, batch_size), images, targets)
    masks = np.concatenate(list(RandomMasks((6, 8), 2, 0.4, 40, 5).chunks(40, 40)))
    for result, image, target in zip(found, images, targets, strict=True):
        expected, heat, mean = rise_by_hand(model, image, target, masks, 0.4)
        np.testing.assert_allclose(result.arrays["expected_score"], expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(result.heat, heat, rtol=1e-3, atol=1e-5)
        assert result.numbers["mean_score"] == pytest.approx(mean, abs=1e-5)
        assert result.numbers["masks"] == 40


def test_the_standard_error_is_how_far_maps_of_other_seeds_spread():
    model, image = linear(squash="softmax"), pictures(1)
    target = [class_target(model, 0, "probability")]
    found = [Rise(masks=300, cells=3, seed=seed)(model, image, target)[0] for seed in range(60)]
    spread = np.std([one.heat for one in found], axis=0, ddof=1)
    claimed = np.mean([one.arrays["standard_error"] for one in found], axis=0)
    assert (spread / claimed).mean() == pytest.approx(1, abs=0.1)


# --- stopping, failures -------------------------------------------------------------------------


def test_a_tolerance_stops_at_the_same_mask_for_any_batch_size():
    model, images = linear(), pictures(2)
    targets = [class_target(model, i) for i in (0, 1)]
    rise = Rise(masks=100_000, cells=3, tolerance=0.05)
    runs = [rise(BatchedAdapter(model, size), images, targets) for size in (5, 64, None)]
    for one, other, third in zip(*runs, strict=True):
        assert 256 <= one.numbers["masks"] < 100_000
        assert one.numbers["masks"] == other.numbers["masks"] == third.numbers["masks"]
        assert one.numbers["mean_standard_error"] <= 0.05 * np.abs(one.heat).max()
        np.testing.assert_allclose(one.heat, other.heat, rtol=1e-3, atol=1e-5)


def test_an_image_has_the_same_map_alone_and_beside_others_that_go_on_longer():
    model, images = linear(), pictures(3)
    targets = [class_target(model, 0)] * 3
    rise = Rise(masks=5000, cells=3, tolerance=0.06)
    together = rise(model, images, targets)
    for i, found in enumerate(together):
        [alone] = rise(model, images[i : i + 1], targets[:1])
        np.testing.assert_array_equal(alone.heat, found.heat)


def test_a_score_that_ignores_the_image_is_warned_of():
    model = LinearModel(np.zeros((1, 3, 6, 8), np.float32), bias=2.5)
    [found] = Rise(masks=20)(model, pictures(1), [class_target(model, 0)])
    assert "does not depend on the image" in found.warnings[0]
    assert np.abs(found.heat).max() < 1e-6


def test_few_masks_are_warned_of_as_noise():
    model = linear()
    [few] = Rise(masks=8)(model, pictures(1), [class_target(model, 0)])
    assert "mostly noise" in few.warnings[0] and "--masks" in few.warnings[0]


def test_scores_that_are_not_finite_are_an_error_of_their_image_only():
    class Broken(LinearModel):
        def run(self, images, layers):
            found = super().run(images, layers)
            return {name: np.where(images[:, :1, 0, 0] > 0.9, np.nan, value) for name, value in found.items()}

    model, images = Broken(np.ones((1, 3, 6, 8), np.float32)), np.full((2, 3, 6, 8), 0.5, np.float32)
    images[0, 0, 0, 0] = 1
    bad, good = Rise(masks=64)(model, images, [class_target(model, 0)] * 2)
    assert isinstance(bad, ImageError) and "not a finite number" in bad.problem
    assert np.isfinite(good.heat).all()


def test_passes_are_those_that_are_run():
    counted = []
    model = linear()
    Rise(masks=50)(BatchedAdapter(model, 8, counted.append), pictures(2), [class_target(model, 0)] * 2)
    assert sum(counted) == 2 * Rise(masks=50).passes((6, 8))
