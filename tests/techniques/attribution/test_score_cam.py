"""Score-CAM: a slow twin, which channels are taken, and what is said of it."""

import numpy as np
import pytest

from tests.techniques.attribution.pooled_model import PooledModel
from viz.core.batching import BatchedAdapter
from viz.core.errors import ImageError
from viz.core.target import class_target
from viz.techniques.attribution.score_cam import ScoreCam, strongest

MODEL = PooledModel(3, 4)
IMAGES = np.random.default_rng(1).random((2, 3, 12, 16)).astype(np.float32)
TARGETS = [class_target(MODEL, 0), class_target(MODEL, 2)]


def stretched_by_hand(cells, side=4):
    """Bilinear between the centres of cells of `side` pixels, constant beyond the outer ones."""
    rows, columns = cells.shape
    found = np.zeros((rows * side, columns * side))
    for y in range(rows * side):
        for x in range(columns * side):
            v = min(max((y - (side - 1) / 2) / side, 0), rows - 1)
            u = min(max((x - (side - 1) / 2) / side, 0), columns - 1)
            top, left = min(int(v), rows - 2), min(int(u), columns - 2)
            dv, du = v - top, u - left
            upper = (1 - du) * cells[top, left] + du * cells[top, left + 1]
            lower = (1 - du) * cells[top + 1, left] + du * cells[top + 1, left + 1]
            found[y, x] = (1 - dv) * upper + dv * lower
    return found


def score_cam_by_hand(image, target, fill):
    """Algorithm 1, channel by channel."""
    cells = MODEL.run(image[None], ["cells"])["cells"][0]
    hidden = float(target.of(MODEL.run(np.full((1, 3, 12, 16), fill, np.float32), target.layers))[0])
    increases = []
    for channel in cells:
        mask = stretched_by_hand(channel)
        if np.ptp(mask) == 0:
            increases.append(0.0)
            continue
        mask = (mask - mask.min()) / (mask.max() - mask.min())
        shown = (fill + mask * (image - fill)).astype(np.float32)
        increases.append(float(target.of(MODEL.run(shown[None], target.layers))[0]) - hidden)
    weights = np.exp(increases) / np.exp(increases).sum()
    return np.maximum(sum(w * channel for w, channel in zip(weights, cells, strict=True)), 0), hidden


@pytest.mark.parametrize(("fill", "value"), [("black", 0.0), ("gray", 0.5)])
@pytest.mark.parametrize("batch_size", [None, 2])
def test_maps_are_those_of_a_slow_twin(fill, value, batch_size):
    found = ScoreCam(fill=fill)(BatchedAdapter(MODEL, batch_size), IMAGES, TARGETS)
    for result, image, target in zip(found, IMAGES, TARGETS, strict=True):
        expected, hidden = score_cam_by_hand(image, target, value)
        np.testing.assert_allclose(result.arrays["cells"], expected, rtol=1e-2, atol=2e-3)  # OpenCV's fixed point
        assert result.numbers["score_hidden"] == pytest.approx(hidden, abs=1e-5)


def test_the_strongest_channels_are_those_with_the_largest_sum_of_squares():
    maps = np.zeros((5, 2, 2), np.float32)
    maps[1, 0, 0], maps[3], maps[4, 1, 1] = 3, 1, -2.5
    assert strongest(maps, 2).tolist() == [1, 4]
    assert strongest(maps, 3).tolist() == [1, 3, 4]
    assert strongest(maps, None).tolist() == strongest(maps, 9).tolist() == [0, 1, 2, 3, 4]


def test_how_many_channels_were_taken_is_in_the_figures():
    few, every = (ScoreCam(strongest=n)(MODEL, IMAGES[:1], TARGETS[:1])[0].numbers for n in (2, None))
    assert (few["channels"], few["channels_of_layer"]) == (2, 5)
    assert (every["channels"], every["channels_of_layer"]) == (5, 5)


def test_a_channel_without_contrast_needs_no_pass():
    model = PooledModel(3, 4)
    model.shift[:] = 5  # all channels are on
    model.mixing[1:3] = 0
    counted = []
    ScoreCam()(BatchedAdapter(model, 4, counted.append), IMAGES[:1], [class_target(model, 0)])
    assert sum(counted) == 2 + 3


def test_a_layer_that_is_off_everywhere_is_warned_of():
    model = PooledModel(3, 4)
    model.mixing[:], model.shift[:] = 0, -1
    [found] = ScoreCam()(model, IMAGES[:1], [class_target(model, 0)])
    assert "empty" in found.warnings[0]


def test_a_score_that_is_not_finite_is_an_error_of_its_image_only():
    images = IMAGES.copy()
    images[0, 0, 0, 0] = np.nan
    bad, good = ScoreCam()(MODEL, images, TARGETS)
    assert isinstance(bad, ImageError) and np.isfinite(good.heat).all()
