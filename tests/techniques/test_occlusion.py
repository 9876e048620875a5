"""Occlusion: known answers first, then a slow twin, then the borders."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import LinearModel, SumModel
from viz.core.batching import BatchedAdapter
from viz.core.errors import UsageError
from viz.core.peaks import peak_of
from viz.core.target import class_target, targets_for
from viz.techniques.attribution._occlusion_grid import positions
from viz.techniques.attribution.occlusion import Occlusion


def linear(size=(12, 14), classes=3, seed=0):
    return LinearModel(np.random.default_rng(seed).normal(size=(classes, 3, *size)).astype(np.float32))


def pictures(count, size=(12, 14), seed=1):
    return np.random.default_rng(seed).random((count, 3, *size), np.float32)


def explain(model, images, **options):
    targets = targets_for(options.pop("target", "0"), model, images)
    return Occlusion(**options)(model, images, targets)


@given(size=st.integers(2, 60), patch=st.integers(1, 60), stride=st.integers(1, 60))
def test_positions_cover_everything_symmetrically_with_steps_of_at_most_the_stride(size, patch, stride):
    patch = min(patch, size)
    stride = min(stride, patch)
    starts = positions(size, patch, stride)
    assert starts[0] == 0
    assert starts[-1] == size - patch
    assert (starts + starts[::-1] == size - patch).all()
    assert (np.diff(starts) > 0).all()
    assert np.diff(starts, prepend=0).max() <= stride


@settings(max_examples=30, deadline=None)
@given(height=st.integers(4, 40), width=st.integers(4, 40), patch=st.integers(1, 40), stride=st.integers(1, 40))
def test_the_map_of_a_sum_is_constant_up_to_the_borders(height, width, patch, stride):
    patch = min(patch, height, width)
    model = SumModel((height, width))
    image = np.full((1, 3, height, width), 0.75, np.float32)
    [found] = explain(model, image, patch=patch, stride=min(stride, patch), fill="0,0,0")
    np.testing.assert_allclose(found.heat, 3 * 0.75 * patch * patch, rtol=1e-4)


def test_a_window_of_28_by_15_on_100_pixels_is_784_everywhere():
    """Clipped windows make this map range from 625 to 784."""
    image = np.full((1, 3, 100, 100), 1 / 3, np.float32)
    [found] = explain(SumModel((100, 100)), image, patch=28, stride=15, fill="0,0,0")
    np.testing.assert_allclose(found.heat, 784, rtol=1e-4)


def test_single_pixel_patches_on_a_linear_model_give_weights_times_pixels():
    model, images = linear(), pictures(2)
    for found, image in zip(explain(model, images, patch=1, stride=1, fill="0,0,0", target="1"), images, strict=True):
        np.testing.assert_allclose(found.heat, (model.weights[1] * image).sum(axis=0), atol=1e-4)


def slow_twin(model, image, target, patch, stride, colour):
    """One patch, one forward pass, one loop over its pixels at a time, in float64."""
    height, width = image.shape[1:]
    score = float(target.of(model.run(image[None], target.layers))[0])
    total, count = np.zeros((height, width)), np.zeros((height, width))
    for top in positions(height, patch, stride):
        for left in positions(width, patch, stride):
            hidden = image.copy()
            hidden[:, top : top + patch, left : left + patch] = colour
            drop = score - float(target.of(model.run(hidden[None], target.layers))[0])
            total[top : top + patch, left : left + patch] += drop
            count[top : top + patch, left : left + patch] += 1
    return total / count


@pytest.mark.parametrize(("patch", "stride"), [(3, 2), (5, 5), (4, 1), (12, 7)])
def test_maps_equal_those_of_a_slow_loop(patch, stride):
    model, images = linear(), pictures(3)
    targets = [class_target(model, index) for index in (0, 2, 1)]
    found = Occlusion(patch=patch, stride=stride)(model, images, targets)
    for heat_map, image, target in zip(found, images, targets, strict=True):
        expected = slow_twin(model, image, target, patch, stride, 0.5)
        np.testing.assert_allclose(heat_map.heat, expected, atol=2e-4)


@pytest.mark.parametrize("batch_size", [1, 7, 64, 1000])
def test_batches_across_images_change_nothing(batch_size):
    model, images = linear(), pictures(3)
    expected = explain(model, images, patch=4, stride=2, target="top1")
    batched = BatchedAdapter(model, batch_size)
    for one, other in zip(expected, explain(batched, images, patch=4, stride=2, target="top1"), strict=True):
        np.testing.assert_array_equal(one.heat, other.heat)


def test_forward_passes_run_in_full_batches_across_images():
    model = linear()
    explain(BatchedAdapter(model, 16), pictures(4), patch=4, stride=4)
    assert model.batches.count(16) >= (4 * 3 * 4) // 16
    assert sum(model.batches) == 4 + 4 * len(Occlusion(patch=4, stride=4)._grid((12, 14)))


def test_passes_says_how_many_forward_passes_there_are():
    model = linear()
    for options in ({"patch": 4, "stride": 3}, {"patch": 4, "stride": 2, "evaluate": True}):
        model.batches.clear()
        explain(model, pictures(1), **options)
        assert sum(model.batches) == Occlusion(**options).passes((12, 14))


@pytest.mark.parametrize(
    ("fill", "expected"),
    [("gray", 0.5), ("255,0,51", [[[1]], [[0]], [[0.2]]]), ("mean", "mean")],
)
def test_what_hides_is_in_pixel_values(fill, expected):
    """A patch over the whole image shows the model nothing but the fill."""
    model = linear((8, 8))
    image = pictures(1, (8, 8))
    [found] = explain(model, image, patch=8, stride=8, fill=fill)
    hidden = image[0].mean(axis=(1, 2))[:, None, None] if isinstance(expected, str) else np.array(expected)
    drop = float((model.weights[0] * (image[0] - hidden)).sum())
    np.testing.assert_allclose(found.heat, drop, atol=1e-3)


def test_noise_fill_follows_its_seed():
    model, image = linear(), pictures(1)
    maps = [explain(model, image, patch=6, stride=3, fill="noise", seed=seed)[0].heat for seed in (1, 1, 2)]
    np.testing.assert_array_equal(maps[0], maps[1])
    assert not np.array_equal(maps[0], maps[2])


def test_blur_fill_hides_detail_and_keeps_flat_parts():
    model = linear()
    flat = np.full((1, 3, 12, 14), 0.3, np.float32)
    assert np.abs(explain(model, flat, patch=4, stride=2, fill="blur")[0].heat).max() < 1e-4
    assert np.abs(explain(model, pictures(1), patch=4, stride=2, fill="blur")[0].heat).max() > 0.01


def test_the_map_of_predicted_classes_shows_where_the_class_changes():
    """Class 0 reads the left half, class 1 the right: hide the left and class 1 wins."""
    weights = np.zeros((2, 3, 8, 8), np.float32)
    weights[0, :, :, :4], weights[1, :, :, 4:] = 1.2, 1.0
    image = np.ones((1, 3, 8, 8), np.float32)
    [found] = explain(LinearModel(weights), image, patch=4, stride=4, fill="0,0,0", show_class=True)
    np.testing.assert_array_equal(found.arrays["predicted_class"], [[1] * 4 + [0] * 4] * 8)


def test_the_peak_is_the_middle_of_its_plateau():
    heat = np.zeros((10, 10), np.float32)
    heat[2:5, 6:9] = 1
    assert peak_of(heat) == (3, 7)


def test_two_equal_peaks_do_not_meet_in_the_middle():
    heat = np.zeros((10, 10), np.float32)
    heat[1:3, 1:3] = heat[7:9, 7:9] = 1
    assert peak_of(heat) == (1.5, 1.5)


def test_the_peak_lies_on_the_pixels_that_count():
    weights = np.zeros((1, 3, 20, 20), np.float32)
    weights[0, :, 12:14, 5:7] = 1
    [found] = explain(LinearModel(weights), np.ones((1, 3, 20, 20), np.float32), patch=4, stride=2)
    assert 12 <= found.numbers["peak_y"] <= 13.5
    assert 5 <= found.numbers["peak_x"] <= 6.5


def test_deletion_and_insertion_follow_the_map():
    """With weight on one spot, taking that spot out first costs everything at once."""
    weights = np.zeros((1, 3, 10, 10), np.float32)
    weights[0, :, 4:6, 4:6] = 1
    image = np.ones((1, 3, 10, 10), np.float32)
    [found] = explain(LinearModel(weights), image, patch=2, stride=1, evaluate=True, target="products:0")
    assert found.arrays["deletion_curve"][0] > found.arrays["deletion_curve"][-1]
    good = found.numbers["deletion_auc"]
    assert found.numbers["deletion_auc"] < np.mean(found.arrays["deletion_curve"][[0, -1]])
    assert good == pytest.approx(np.trapezoid(found.arrays["deletion_curve"]) / 50, rel=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch": 13}, "--patch 13 is larger"),
        ({"patch": 4, "stride": 5}, "--stride 5 is larger than --patch 4"),
        ({"fill": "pink"}, "--fill 'pink'"),
        ({"fill": "1,2,300"}, "--fill"),
    ],
)
def test_options_that_cannot_work_say_why(options, message):
    with pytest.raises(UsageError, match=message):
        explain(linear(), pictures(1), **options)


@pytest.mark.parametrize("options", [{"patch": 0}, {"stride": -1}, {"patch": 2.5}, {"fill": 3}])
def test_values_out_of_bounds_are_refused_when_the_technique_is_made(options):
    with pytest.raises(UsageError):
        Occlusion(**options)


def test_a_target_that_ignores_the_image_is_warned_about():
    model = LinearModel(np.zeros((1, 3, 8, 8), np.float32), bias=1.0)
    [found] = explain(model, pictures(1, (8, 8)), patch=4, stride=2)
    assert "does not depend on the image" in found.warnings[0]
